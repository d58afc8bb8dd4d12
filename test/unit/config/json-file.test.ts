import fc from 'fast-check';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findSyntaxError, readJsonObject, readStateFile } from '../../../src/config/parsed-file';
import { failureOf } from '../../support/config-failure';

const folder = mkdtempSync(path.join(tmpdir(), 'json-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string): string {
  const file = path.join(folder, 'file.json');
  writeFileSync(file, content);
  return file;
}

test('an object is read, with or without a byte order mark', async () => {
  expect(await readJsonObject('--config', fileWith('{"a": [1, "é"]}'), '/')).toEqual({ a: [1, 'é'] });
  expect(await readJsonObject('--config', fileWith('\uFEFF{"a": 1}'), '/')).toEqual({ a: 1 });
});

test('an empty state file is no state, and any JSON may be one', async () => {
  expect(await readStateFile('--state', fileWith(''), '/')).toBeUndefined();
  expect(await readStateFile('--state', fileWith('\uFEFF \n'), '/')).toBeUndefined();
  expect(await readStateFile('--state', fileWith('[]'), '/')).toEqual([]);
  expect(await readStateFile('--state', fileWith('{"users": {}}'), '/')).toEqual({ users: {} });
});

test.each(['[]', 'null', '"text"', '5'])('%s is not an object', async (content) => {
  const file = fileWith(content);
  const failure = await failureOf(() => readJsonObject('--catalog', file, '/'));
  expect(failure.message).toContain(`the file ${file} given as --catalog holds no JSON object`);
  expect(failure.where).toBe('--catalog');
});

test('a missing file, a path through a file and a directory are each told apart', async () => {
  const missing = path.join(folder, 'none.json');
  expect((await failureOf(() => readJsonObject('--config', missing, '/'))).message).toContain(
    `${missing} given as --config does not exist`,
  );
  const through = path.join(fileWith('{}'), 'x');
  expect((await failureOf(() => readStateFile('--state', through, '/'))).message).toContain('does not exist');
  expect((await failureOf(() => readJsonObject('--config', folder, '/'))).message).toContain('is a directory');
});

test('a file that cannot be read for another reason is said to be so', async () => {
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
])('the place where %j breaks is told, and nothing of its content', async (content, line, column) => {
  const failure = await failureOf(() => readJsonObject('--config', fileWith(content), '/'));
  expect(failure.message).toContain(`is not JSON at line ${line}, column ${column}.`);
  expect(failure.message).not.toContain('made-up');
});

test('a place is found in exactly the texts that are not JSON', () => {
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
    const place = at % (json.length + 1);
    return json.slice(0, place) + what + json.slice(place);
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
