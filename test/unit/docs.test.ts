import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { loadProject } from '../../src/config/project';
import { parseSourceConfig } from '../../src/config/source';
import { manifestSchema } from '../../src/sinks/files/manifest';
import { streams } from '../../src/streams/registry';
import { findAnchors, findCodeBlocks, findLinks, readPages } from '../support/documentation';
import { scratchFolder } from '../support/scratch';

const root = join(__dirname, '..', '..');
const pages = readPages();
const folder = scratchFolder();

it('has a README of at most 150 lines', () => {
  const readme = pages.find(({ path }) => path === 'README.md');
  expect(readme?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});

it.each(pages.map((page) => [page.path, page] as const))(
  'links from %s lead to files and headings that exist',
  (path, page) => {
    for (const link of findLinks(page)) {
      if (/^https?:/.test(link)) continue;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : join(path, '..', file);
      expect([link, existsSync(join(root, target))]).toEqual([link, true]);
      if (anchor === undefined) continue;
      const linked = pages.find((each) => each.path === target);
      expect([link, linked && findAnchors(linked)]).toEqual([link, expect.arrayContaining([anchor])]);
    }
  },
);

const findAll = (language: string): [location: string, text: string][] =>
  pages.flatMap((page) => findCodeBlocks(page, language)).map(({ location, text }) => [location, text]);

/** Completes settings of a connection to a project file. */
function completeProject(settings: object): object {
  if ('connections' in settings) return settings;
  const connection = { domain: 'acme.eu.auth0.com', destination: { files: './data' } };
  return { connections: { acme: { ...connection, ...settings } } };
}

it.each(findAll('yaml'))('the YAML at %s is a project file, or settings of a connection', async (_, text) => {
  const file = join(folder, 'rollcall.yaml');
  const settings = parse(text) as unknown;
  expect(settings).toEqual(expect.any(Object));
  const project = completeProject(settings as object);
  writeFileSync(file, stringify(project));
  const { connections } = await loadProject(file, streams);
  expect([...connections.keys()]).toEqual(Object.keys((project as { connections: object }).connections));
});

it.each(findAll('json'))('the JSON at %s can be parsed, and is valid as a configuration or a manifest', (_, text) => {
  const value = JSON.parse(text) as object;
  if ('credentials' in value) expect(() => parseSourceConfig(value)).not.toThrow();
  if ('sequence' in value) expect(manifestSchema.safeParse(value).error).toBeUndefined();
});

it('finds examples of both kinds', () => {
  expect(findAll('yaml').length).toBeGreaterThan(3);
  expect(findAll('json').length).toBeGreaterThan(2);
});

it('names tests that exist beside every invariant', () => {
  const rows = [
    ...readFileSync(join(root, 'docs/spec.md'), 'utf8').matchAll(/^\| (I\d+) .*`(test\/[^`]+)`: (.*?) *\|$/gm),
  ];
  expect(rows.map(([, id]) => id)).toEqual(rows.map((_, index) => `I${index + 1}`));
  expect(rows.length).toBeGreaterThan(15);
  for (const [, id, file = '', title = ''] of rows) {
    expect([id, readFileSync(join(root, file), 'utf8').includes(title)]).toEqual([id, true]);
  }
});
