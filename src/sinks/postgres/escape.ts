import type { Json } from '../../json';
import { isObject } from '../../airbyte/shape';

/** What Postgres takes neither in text nor in jsonb; and what would be read as the escape of such a character. */
const unstorablePattern = /[\0\ud800-\udfff]|\\(?=u[0-9a-f]{4})/gu;

/**
 * A text as Postgres can hold it: NUL and surrogates without their other half become `\u` and four hexadecimal digits,
 * and a backslash before such letters becomes `\u005c`. So each such sequence in the database is an escape, no two texts
 * become one, and the text can be had back exactly.
 */
export function escapeText(text: string): string {
  return text.replace(unstorablePattern, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same in all keys and values. */
export function escapeJson(value: Json): Json {
  if (typeof value === 'string') return escapeText(value);
  if (Array.isArray(value)) return value.map(escapeJson);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [escapeText(key), escapeJson(each)]));
}
