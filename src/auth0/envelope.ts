import { z } from 'zod';
import type { Json, JsonObject } from '../json';
import { UnexpectedAnswer } from './errors';
import type { ListRequest, ObjectRequest, Page } from './request';

/** The same as `null`, which no list documents but JSON libraries like to send, absent. */
const count = z.int().nonnegative().nullish();

/** What the envelopes of lists may carry beside the rows: totals, or a checkpoint. */
const envelope = z.looseObject({ start: count, limit: count, total: count, next: z.string().nullish() });

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body of a 200. Throws UnexpectedAnswer when it is not JSON in whole, not a list, or has a row without its
 * key: nothing of such a page is taken.
 * @param label names the request in messages
 * @param at the server's clock, epoch ms
 */
export function readPage(request: ListRequest, label: string, body: Buffer, at: number): Page {
  const answer = parse(label, body);
  const bare = Array.isArray(answer);
  const { start, limit, total, next, rows } = bare
    ? { rows: answer, start: null, limit: null, total: null, next: null }
    : open(request, label, answer);
  return {
    rows: rows.map((row) => keyed(row, request.key, label, 'a row')),
    bare,
    ...(next ? { next } : {}),
    ...(typeof total === 'number' ? { total } : {}),
    ...(typeof start === 'number' ? { start } : {}),
    ...(typeof limit === 'number' ? { limit } : {}),
    bytes: body.length,
    at,
  };
}

/** Reads the body of a 200 that holds a single object. Throws UnexpectedAnswer as `readPage` does. */
export function readOne({ key }: ObjectRequest, label: string, body: Buffer): JsonObject {
  return keyed(parse(label, body), key, label, 'JSON');
}

function keyed(value: Json, key: string, label: string, what: string): JsonObject {
  if (!isObject(value)) throw new UnexpectedAnswer(label, `${what} that is not an object`);
  const id = value[key];
  if (typeof id !== 'string' || id === '') throw new UnexpectedAnswer(label, `${what} without its ${key}`);
  return value;
}

function parse(label: string, body: Buffer): Json {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new UnexpectedAnswer(label, 'text that is not UTF-8');
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    const flaw = /^\s*</.test(text)
      ? 'HTML in place of JSON'
      : text.trim() === ''
        ? 'nothing'
        : 'JSON that is cut or broken';
    throw new UnexpectedAnswer(label, flaw);
  }
}

function open(request: ListRequest, label: string, answer: Json): z.infer<typeof envelope> & { rows: Json[] } {
  const parsed = envelope.safeParse(answer);
  const rows = isObject(answer) ? answer[request.list] : undefined;
  if (!parsed.success || !Array.isArray(rows))
    throw new UnexpectedAnswer(label, `JSON that is not a list of ${request.list}`);
  return { ...parsed.data, rows };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
