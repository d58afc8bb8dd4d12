import { readFile } from 'node:fs/promises';
import { isObject } from '../airbyte/shape';
import type { Json, JsonObject } from '../json';
import { ConfigError } from './errors';
import { findSyntaxError } from './json-syntax';

/**
 * Reads the JSON object in a file that a flag names.
 * @param flag the flag, for messages: `--config`
 * @throws ConfigError that repeats nothing of the file's content
 */
export async function readJsonObject(flag: string, file: string): Promise<JsonObject> {
  const value = parseJsonText(await readFlagFile(flag, file), flag, file);
  if (isObject(value)) return value;
  throw new ConfigError(`the file ${file} given as ${flag} holds no JSON object`, flag, 'Put { … } at its top.');
}

/**
 * Reads a state file: undefined when it is empty, else its JSON, of which `parseState` makes sense.
 * @throws ConfigError that repeats nothing of the file's content
 */
export async function readStateFile(flag: string, file: string): Promise<Json | undefined> {
  const text = await readFlagFile(flag, file);
  return text.trim() === '' ? undefined : parseJsonText(text, flag, file);
}

const readFailures: Record<string, { what: string; nextStep: string }> = {
  ENOENT: { what: 'does not exist', nextStep: 'Check the path.' },
  ENOTDIR: { what: 'does not exist', nextStep: 'Check the path.' },
  EISDIR: { what: 'is a directory', nextStep: 'Name the file in it.' },
  EACCES: { what: 'may not be read by this user', nextStep: 'Grant the right to read it.' },
  EPERM: { what: 'may not be read by this user', nextStep: 'Grant the right to read it.' },
};

async function readFlagFile(flag: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const { what, nextStep } = readFailures[code] ?? { what: `cannot be read (${code})`, nextStep: 'Check the path.' };
    throw new ConfigError(`the file ${file} given as ${flag} ${what}`, flag, nextStep, { cause: error });
  }
}

function parseJsonText(text: string, flag: string, file: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    const place = findSyntaxError(text);
    const at = place ? ` at line ${place.line}, column ${place.column}` : '';
    throw new ConfigError(`the file ${file} given as ${flag} is not JSON${at}`, flag, 'Correct it there.');
  }
}
