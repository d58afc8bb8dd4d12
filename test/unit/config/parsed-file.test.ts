import fc from 'fast-check';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findSyntaxError, readJsonObject, readStateFile } from '../../../src/config/parsed-file';
import { failureOf } from '../../support/config-failure';

const folder = mkdtempSync(path.join(tmpdir(), 'parsed-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string): string {
  const file = path.join(folder, 'file.json');
  writeFileSync(file, content);
  return file;
}

test('reads an object, with or without a byte order mark', async () => {
  expect(await readJsonObject('--config', fileWith('{"a": [1, "é"]}'), '/')).toEqual({ a: [1, 'é'] });
  expect(await readJsonObject('--config', fileWith('\uFEFF{"a": 1}'), '/')).toEqual({ a: 1 });
});

test('reads an empty state file as no state, and any JSON as a state', async () => {
  expect(await readStateFile('--state', fileWith(''), '/')).toBeUndefined();
  expect(await readStateFile('--state', fileWith('\uFEFF \n'), '/')).toBeUndefined();
  expect(await readStateFile('--state', fileWith('[]'), '/')).toEqual([]);
  expect(await readStateFile('--state', fileWith('{"users": {}}'), '/')).toEqual({ users: {} });
});

test.each(['[]', 'null', '"text"', '5'])('rejects %s, which is not an object', async (content) => {
  const file = fileWith(content);
  const failure = await failureOf(() => readJsonObject('--catalog', file, '/'));
  expect(failure.message).toContain(`the file ${file} (--catalog) does not contain a JSON object`);
  expect(failure.where).toBe('--catalog');
});

test('distinguishes a missing file, a path through a file and a directory', async () => {
  const missing = path.join(folder, 'none.json');
  expect((await failureOf(() => readJsonObject('--config', missing, '/'))).message).toContain(
    `${missing} (--config) does not exist`,
  );
  const through = path.join(fileWith('{}'), 'x');
  expect((await failureOf(() => readStateFile('--state', through, '/'))).message).toContain('does not exist');
  expect((await failureOf(() => readJsonObject('--config', folder, '/'))).message).toContain('is a directory');
});

test('reports the code of any other read error', async () => {
  const loop = path.join(folder, 'loop');
  symlinkSync(loop, loop);
  expect((await failureOf(() => readJsonObject('--config', loop, '/'))).message).toContain('cannot be read (ELOOP)');
});

test.each([
  ['', 1, 1],
  ['{"client_secret": "made-up"', 1, 28],
  ['{\n  "client_secret": "made-up",\n}', 3, 1],
  ['{\n  "client_secret": made-up\n}', 2, 20],
  ['{"client_secret": "made-up\n"}', 1, 19],
  ["{'client_secret': 'made-up'}", 1, 2],
  ['{"a": 1} {"client_secret": "made-up"}', 1, 10],
  ['{"a": 01}', 1, 8],
  ['[1,\n2,\n\n]', 4, 1],
  ['// made-up\n{}', 1, 1],
])('reports the position of the syntax error in %j, and nothing of the text', async (content, line, column) => {
  const failure = await failureOf(() => readJsonObject('--config', fileWith(content), '/'));
  expect(failure.message).toContain(`is not valid JSON at line ${line}, column ${column}.`);
  expect(failure.message).not.toContain('made-up');
});

test('finds a syntax error exactly in texts that are not JSON', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '\\u00',
    '1',
    '-',
    '.5',
    '1e5',
    'true',
    'nul',
    ' ',
    '\n',
    '\u00a0',
    '\u2028',
  );
  const damaged = fc.tuple(fc.json(), fc.nat(), piece).map(([json, at, what]) => {
    const index = at % (json.length + 1);
    return json.slice(0, index) + what + json.slice(index);
  });
  const text = fc.oneof(
    fc.json(),
    damaged,
    fc.array(piece).map((pieces) => pieces.join('')),
  );
  fc.assert(
    fc.property(text, (json) => {
      let isJson = true;
      try {
        JSON.parse(json);
      } catch {
        isJson = false;
      }
      expect(findSyntaxError(json) === undefined).toBe(isJson);
    }),
    { numRuns: 1000 },
  );
});
