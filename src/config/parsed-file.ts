import { isNode, LineCounter, parseDocument } from 'yaml';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../errors';
import { isObject, type Json, type JsonObject } from '../json';

/** The keys that lead to a value. */
export type KeyPath = readonly (string | number)[];

export interface YamlContent {
  /** The whole file. */
  text: string;
  content: unknown;
  /** The line, from 1, on which a value begins; undefined when there is none. */
  findLine(path: KeyPath): number | undefined;
  /** A value as it is written; undefined when there is none. */
  getWrittenValue(path: KeyPath): unknown;
}

/**
 * Reads the text of a file.
 * @param example what the file should hold, shown when there is none
 * @throws ConfigError
 */
export async function readProjectText(file: string, example: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw code === 'ENOENT'
      ? new ConfigError(
          `the file ${file} does not exist`,
          file,
          `Create it with \`rollcall init\`, or start with:\n${example}`,
          { cause },
        )
      : new ConfigError(
          `the file ${file} cannot be read (${code})`,
          file,
          'Check that it is a file and that this user has read permission.',
          {
            cause,
          },
        );
  }
}

/**
 * @param file names the text in messages
 * @throws ConfigError that repeats nothing of the text
 */
export function parseYaml(text: string, file: string): YamlContent {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [fault] = document.errors;
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    // The parser's message may quote a value; its code does not.
    const what = fault.code.toLowerCase().replaceAll('_', ' ');
    const where = `line ${line}, column ${col}`;
    throw new ConfigError(`the file ${file} is not valid YAML: ${what} at ${where}`, file, 'Correct the syntax.');
  }
  try {
    return {
      text,
      content: document.toJS() as unknown,
      findLine(path) {
        const node: unknown = document.getIn(path, true);
        return isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined;
      },
      getWrittenValue(path) {
        const node: unknown = document.getIn(path, true);
        return isNode(node) ? (node.toJS(document) as unknown) : undefined;
      },
    };
  } catch {
    // The error names the alias, which may be a secret that happens to begin with `*`.
    const what = `the file ${file} is not valid YAML: it contains an alias without an anchor`;
    throw new ConfigError(what, file, 'Quote values that start with *.');
  }
}

/** Where a text stops being JSON. Both count from 1. */
export interface TextPosition {
  line: number;
  column: number;
}

/** `[ !#-[\]-\uffff]` is what a string may hold as it is: no quote, no backslash, no control character. */
const tokenPattern =
  /[ \t\n\r]*(?:([{}[\],:])|("[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

type ExpectedToken = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'end';

/**
 * Finds the first place at which a text breaks JSON's grammar; undefined when it does not. `JSON.parse` tells the place
 * only now and then, and quotes the text around it, which may be a secret.
 */
export function findSyntaxError(text: string): TextPosition | undefined {
  const open: ('{' | '[')[] = [];
  let expected: ExpectedToken = 'value';
  let at = 0;
  for (;;) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (!match) break;
    const next = acceptToken(expected, match[1] ?? (match[2] === undefined ? 'literal' : 'string'), open);
    if (!next) break;
    expected = next;
    at = tokenPattern.lastIndex;
  }
  const rest = text.slice(at).search(/[^ \t\n\r]/);
  if (rest < 0 && expected === 'end') return undefined;
  const before = text.slice(0, rest < 0 ? text.length : at + rest).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/** What may follow a token, or undefined when the token may not stand here. */
function acceptToken(expected: ExpectedToken, token: string, open: ('{' | '[')[]): ExpectedToken | undefined {
  const afterValue = (): ExpectedToken => (open.length > 0 ? 'comma' : 'end');
  switch (expected) {
    case 'first key':
    case 'key':
      if (token === '}' && expected === 'first key') return closeContainer(open, afterValue);
      return token === 'string' ? 'colon' : undefined;
    case 'colon':
      return token === ':' ? 'value' : undefined;
    case 'comma':
      if (token === ',') return open.at(-1) === '{' ? 'key' : 'value';
      return token === (open.at(-1) === '{' ? '}' : ']') ? closeContainer(open, afterValue) : undefined;
    case 'first value':
    case 'value':
      if (token === ']' && expected === 'first value') return closeContainer(open, afterValue);
      if (token === '{' || token === '[') {
        open.push(token);
        return token === '{' ? 'first key' : 'first value';
      }
      return token === 'string' || token === 'literal' ? afterValue() : undefined;
    case 'end':
      return undefined;
  }
}

function closeContainer(open: string[], afterValue: () => ExpectedToken): ExpectedToken {
  open.pop();
  return afterValue();
}

/**
 * Reads the JSON object in a file that a flag names.
 * @param flag the flag, for messages: `--config`
 * @throws ConfigError that repeats nothing of the file's content
 */
export async function readJsonObject(flag: string, file: string, cwd: string): Promise<JsonObject> {
  const value = parseJsonText(await readFlagFile(flag, file, cwd), flag, file);
  if (isObject(value)) return value;
  throw new ConfigError(
    `the file ${file} (${flag}) does not contain a JSON object`,
    flag,
    'Write a JSON object: { … }.',
  );
}

/**
 * Reads a state file: undefined when it is empty, else its JSON, of which `parseState` makes sense.
 * @throws ConfigError that repeats nothing of the file's content
 */
export async function readStateFile(flag: string, file: string, cwd: string): Promise<Json | undefined> {
  const text = await readFlagFile(flag, file, cwd);
  return text.trim() === '' ? undefined : parseJsonText(text, flag, file);
}

const readFailures: Record<string, { what: string; nextStep: string }> = {
  ENOENT: { what: 'does not exist', nextStep: 'Check the path.' },
  ENOTDIR: { what: 'does not exist', nextStep: 'Check the path.' },
  EISDIR: { what: 'is a directory', nextStep: 'Pass a file in this directory.' },
  EACCES: { what: 'cannot be read: permission denied', nextStep: 'Grant this user read permission.' },
  EPERM: { what: 'cannot be read: permission denied', nextStep: 'Grant this user read permission.' },
};

async function readFlagFile(flag: string, file: string, cwd: string): Promise<string> {
  try {
    return (await readFile(resolve(cwd, file), 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const { what, nextStep } = readFailures[code] ?? { what: `cannot be read (${code})`, nextStep: 'Check the path.' };
    throw new ConfigError(`the file ${file} (${flag}) ${what}`, flag, nextStep, { cause: error });
  }
}

function parseJsonText(text: string, flag: string, file: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    const place = findSyntaxError(text);
    const at = place ? ` at line ${place.line}, column ${place.column}` : '';
    throw new ConfigError(`the file ${file} (${flag}) is not valid JSON${at}`, flag, 'Correct the syntax.');
  }
}
