import { readFile } from 'node:fs/promises';
import { parse, type ParseError } from 'jsonc-parser';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { resolve } from 'node:path';
import { ConfigError } from '../errors';
import { isObject, type Json, type JsonObject } from '../json';

/** The keys on the way to a value. */
export type KeyPath = readonly (string | number)[];

export interface YamlContent {
  /** The whole file. */
  text: string;
  content: unknown;
  /** Line of a value, from 1; undefined when it is absent. */
  findLine(path: KeyPath): number | undefined;
  /** A value as written; undefined when it is absent. */
  getWrittenValue(path: KeyPath): unknown;
}

/**
 * Reads the text of a file.
 * @param example content to suggest when the file does not exist
 * @throws ConfigError
 */
export async function readProjectText(file: string, example: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const [what, nextStep] =
      code === 'ENOENT'
        ? ['does not exist', `Create it with \`rollcall init\`, or start with:\n${example}`]
        : [`cannot be read (${code})`, 'Check that it is a file and that this user has read permission.'];
    throw new ConfigError(`the file ${file} ${what}`, file, nextStep, { cause });
  }
}

/**
 * @param file names the text in messages
 * @throws ConfigError without any content of the text
 */
export function parseYaml(text: string, file: string): YamlContent {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [fault] = document.errors;
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    // The parser's message may quote a value, its code does not.
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
    // The error quotes the alias, which may be a secret that starts with `*`.
    const what = `the file ${file} is not valid YAML: it contains an alias without an anchor`;
    throw new ConfigError(what, file, 'Quote values that start with *.');
  }
}

/**
 * The position of the first syntax error in a JSON text, counted from 1; undefined in valid JSON. The error of `JSON.parse`
 * quotes the text, which may contain a secret, and often lacks the position.
 */
export function findSyntaxError(text: string): { line: number; column: number } | undefined {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  if (!first) return undefined;
  const before = text.slice(0, first.offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/**
 * Reads a file that contains a JSON object.
 * @param flag the option with the file, for messages: `--config`
 * @param file relative to `cwd`
 * @throws ConfigError without any content of the file
 */
export async function readJsonObject(flag: string, file: string, cwd: string): Promise<JsonObject> {
  const value = parseJsonText(await readFlagFile(flag, file, cwd), flag, file);
  if (isObject(value)) return value;
  const what = `the file ${file} (${flag}) does not contain a JSON object`;
  throw new ConfigError(what, flag, 'Write a JSON object: { … }.');
}

/**
 * Reads a state file for `parseState`. Returns undefined for an empty file.
 * @throws ConfigError without any content of the file
 */
export async function readStateFile(flag: string, file: string, cwd: string): Promise<Json | undefined> {
  const text = await readFlagFile(flag, file, cwd);
  return text.trim() === '' ? undefined : parseJsonText(text, flag, file);
}

const notFound = ['does not exist', 'Check the path.'] as const;
const denied = ['cannot be read: permission denied', 'Grant this user read permission.'] as const;
const readFailures: Readonly<Record<string, readonly [what: string, nextStep: string]>> = {
  ENOENT: notFound,
  ENOTDIR: notFound,
  EISDIR: ['is a directory', 'Pass a file in this directory.'],
  EACCES: denied,
  EPERM: denied,
};

async function readFlagFile(flag: string, file: string, cwd: string): Promise<string> {
  try {
    return (await readFile(resolve(cwd, file), 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const [what, nextStep] = readFailures[code] ?? [`cannot be read (${code})`, 'Check the path.'];
    throw new ConfigError(`the file ${file} (${flag}) ${what}`, flag, nextStep, { cause: error });
  }
}

function parseJsonText(text: string, flag: string, file: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    const position = findSyntaxError(text);
    const at = position ? ` at line ${position.line}, column ${position.column}` : '';
    throw new ConfigError(`the file ${file} (${flag}) is not valid JSON${at}`, flag, 'Correct the syntax.');
  }
}
