#!/usr/bin/env node
// Generates from the built code: the tables of docs/source-auth0.md, docs/configuration.md and docs/operations.md, and
// schema/rollcall.schema.json. With --check it writes nothing and exits with 1 if a file is out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const load = createRequire(import.meta.url);
const { streams } = load(join(ROOT, 'dist', 'streams', 'registry.js'));
const { metrics } = load(join(ROOT, 'dist', 'metrics', 'metrics.js'));
const { createConnectorSpecification, createProjectSchema } = load(
  join(ROOT, 'dist', 'config', 'published-schemas.js'),
);

const code = (text) => `\`${text}\``;
const row = (...cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head, rows) => [row(...head), row(...head.map(() => '---')), ...rows].join('\n');

function streamsTable() {
  return table(
    ['stream', 'content', 'primary key', 'cursor', 'modes', 'scopes'],
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
  const { properties, required = [] } = createConnectorSpecification().connectionSpecification;
  const rows = Object.entries(properties)
    .sort(([, one], [, other]) => one.order - other.order)
    .map(([name, { title, description, default: defaultValue }]) =>
      row(
        title,
        code(name),
        description,
        defaultValue === undefined ? (required.includes(name) ? 'required' : '') : code(defaultValue),
      ),
    );
  return table(['option', 'key', 'meaning', 'default'], rows);
}

/** The keys of a connection in the project file. Keys of nested objects are dotted paths. */
function keysTable() {
  const { connections, defaults } = createProjectSchema().properties;
  const shared = new Set(keysIn(defaults).map(({ path }) => path.join('.')));
  const rows = keysIn(connections.additionalProperties).map(({ path, schema }) =>
    row(
      code(path.join('.')),
      schema.description,
      schema.default === undefined ? '' : code(schema.default),
      shared.has(path.join('.')) ? 'yes' : '',
    ),
  );
  return table(['key', 'meaning', 'default', 'allowed in `defaults`'], rows);
}

function metricsTable() {
  return table(
    ['metric', 'kind', 'labels', 'meaning'],
    Object.values(metrics).map(({ name, kind, labels, help }) =>
      row(code(name), kind, labels.map(code).join(', '), help),
    ),
  );
}

function keysIn({ properties }, parents = []) {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = [...parents, name];
    return schema.properties ? keysIn(schema, path) : [{ path, schema }];
  });
}

function fill(page, name, content) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, after] = [page.slice(0, page.indexOf(begin) + begin.length), page.slice(page.indexOf(end))];
  return `${before}\n\n${content}\n\n${after}`;
}

const files = {
  'docs/source-auth0.md': (current) => fill(fill(current, 'streams', streamsTable()), 'options', optionsTable()),
  'docs/configuration.md': (current) => fill(current, 'keys', keysTable()),
  'docs/operations.md': (current) => fill(current, 'metrics', metricsTable()),
  'schema/rollcall.schema.json': () => JSON.stringify(createProjectSchema()),
};

for (const [file, generate] of Object.entries(files)) {
  const path = join(ROOT, file);
  const current = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const content = await format(generate(current), { ...(await resolveConfig(path)), filepath: path });
  if (!process.argv.includes('--check')) {
    writeFileSync(path, content);
  } else if (content !== current) {
    process.stderr.write(`${file} is out of date. Run \`npm run docs\`.\n`);
    process.exitCode = 1;
  }
}
