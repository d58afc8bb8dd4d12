#!/usr/bin/env node
// Writes the tables of docs/source-auth0.md anew from the built descriptors and specification. With --check it changes
// nothing and ends with code 1 when they are not what the page holds.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs', 'source-auth0.md');
const load = createRequire(import.meta.url);
const { streams } = load(join(ROOT, 'dist', 'streams', 'registry.js'));
const { connectorSpecification } = load(join(ROOT, 'dist', 'config', 'spec.js'));

const code = (text) => `\`${text}\``;
const row = (...cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head, rows) => [row(...head), row(...head.map(() => '---')), ...rows].join('\n');

function streamsTable() {
  return table(
    ['stream', 'what', 'primary key', 'cursor', 'modes', 'scopes'],
    streams.map(({ name, summary, primaryKey, cursorField, syncModes, scopes }) =>
      row(
        code(name),
        summary,
        primaryKey.flat().map(code).join(', '),
        cursorField ? code(cursorField) : '',
        syncModes.map((mode) => mode.replaceAll('_', ' ')).join(', '),
        scopes.map(code).join(' '),
      ),
    ),
  );
}

function optionsTable() {
  const { properties, required = [] } = connectorSpecification().connectionSpecification;
  const rows = Object.entries(properties)
    .sort(([, one], [, other]) => one.order - other.order)
    .map(([name, { title, description, default: initial }]) =>
      row(
        title,
        code(name),
        description,
        initial === undefined ? (required.includes(name) ? 'required' : '') : code(initial),
      ),
    );
  return table(['option', 'key', 'meaning', 'default'], rows);
}

function fill(page, name, content) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, after] = [page.slice(0, page.indexOf(begin) + begin.length), page.slice(page.indexOf(end))];
  return `${before}\n\n${content}\n\n${after}`;
}

const held = readFileSync(PAGE, 'utf8');
const filled = fill(fill(held, 'streams', streamsTable()), 'options', optionsTable());
const page = await format(filled, { ...(await resolveConfig(PAGE)), parser: 'markdown' });
if (process.argv.includes('--check')) {
  if (page !== held) {
    process.stderr.write('docs/source-auth0.md is not what the code says: run `npm run docs`.\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, page);
}
