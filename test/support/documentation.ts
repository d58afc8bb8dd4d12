import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

/** A page of the documentation. */
export interface Page {
  /** Relative to the repository: `docs/syncs.md`. */
  path: string;
  text: string;
}

/** A fenced block of a page. */
export interface CodeBlock {
  /** `docs/syncs.md:7`: the line of the opening fence. */
  location: string;
  /** As written after the fence: `sh`, `yaml`, `json`, `sql`, or nothing. */
  language: string;
  text: string;
}

/** README.md, CONTRIBUTING.md and all pages in docs. */
export function readPages(): Page[] {
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const paths = ['README.md', 'CONTRIBUTING.md', ...pages.sort().map((name) => `docs/${name}`)];
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

export function findCodeBlocks({ path, text }: Page, language: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .map(({ index, 1: written = '', 2: content = '' }) => {
      const line = text.slice(0, index).split('\n').length;
      return { location: `${path}:${line}`, language: written, text: content };
    })
    .filter((block) => block.language === language);
}

/** Anchors of the headings, as GitHub makes them. */
export function findAnchors({ text }: Page): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** Targets of links and images: `configuration.md`, `../schema/rollcall.schema.json`, `#secrets`. */
export function findLinks({ text }: Page): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}
