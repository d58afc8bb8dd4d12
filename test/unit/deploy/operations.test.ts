import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { metrics } from '../../../src/metrics/metrics';

const root = join(__dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const page = read('docs/operations.md');
const alerts = (
  parse(read('deploy/prometheus/rules.yml')) as {
    groups: { rules: { alert: string; annotations: { runbook: string } }[] }[];
  }
).groups.flatMap(({ rules }) => rules);

/** Anchors as GitHub makes them of headings. */
const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
  title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-'),
);

it('has a section for each alert, to which the alert leads, and for no other', () => {
  const led = alerts.map(({ annotations }) => annotations.runbook.split('#'));
  expect(led.map(([file]) => file)).toEqual(alerts.map(() => 'docs/operations.md'));
  expect(anchors).toEqual(expect.arrayContaining(led.map(([, anchor]) => anchor)));
  const sections = [...page.matchAll(/^### (Rollcall\w+)$/gm)].map(([, title]) => title);
  expect(sections).toEqual(alerts.map(({ alert }) => alert));
});

it('says in each section of an alert more than a line', () => {
  const [, runbook = ''] = /^## Runbook$(.*?)^## /ms.exec(page) ?? [];
  for (const section of runbook.split(/^### /m).slice(1)) expect(section.length).toBeGreaterThan(150);
});

it('names metrics, variables and alerts that there are', () => {
  const exported: string[] = Object.values(metrics).map(({ name }) => name);
  for (const [name] of page.matchAll(/\brollcall_[a-z_]+\b/g)) expect(exported).toContain(name);
  const environment = read('src/config/environment.ts');
  for (const [name] of page.matchAll(/\b(ROLLCALL|TEMPORAL)_[A-Z]+(_[A-Z]+)+\b/g)) expect(environment).toContain(name);
  for (const [name] of page.matchAll(/\bRollcall[A-Z]\w+\b/g)) expect(alerts.map(({ alert }) => alert)).toContain(name);
});

it('leads to places that there are', () => {
  for (const [, target = ''] of page.matchAll(/\]\(([^)]+)\)/g)) {
    if (target.startsWith('https://')) continue;
    if (target.startsWith('#')) expect(anchors).toContain(target.slice(1));
    else expect(existsSync(join(root, 'docs', target))).toBe(true);
  }
  for (const [, path = ''] of page.matchAll(/`(deploy\/\w+|docker-compose\.yml)`/g)) {
    expect(existsSync(join(root, path))).toBe(true);
  }
});
