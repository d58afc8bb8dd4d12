import { z } from 'zod';
import type { Json, JsonObject } from '../json';
import { UnexpectedAnswer } from './errors';
import type { ListRequest, ObjectRequest, Page } from './request';

/** The same as `null`, which no list documents but JSON libraries like to send, absent. */
const optionalCount = z.int().nonnegative().nullish();

/** What the envelopes of lists may carry beside the rows: totals, or a checkpoint. */
const listEnvelope = z.looseObject({ start: optionalCount, limit: optionalCount, total: optionalCount, next: z.string().nullish() });

const utf8Decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body of a 200. Throws UnexpectedAnswer when it is not JSON in whole, not a list, or has a row without its
 * key: nothing of such a page is taken.
 * @param label names the request in messages
 * @param respondedAt the server's clock, epoch ms
 */
export function parsePage(request: ListRequest, label: string, body: Buffer, respondedAt: number): Page {
  const answer = parseJsonBody(label, body);
  const isBareArray = Array.isArray(answer);
  const { start, limit, total, next, rows } = isBareArray
    ? { rows: answer, start: null, limit: null, total: null, next: null }
    : parseEnvelope(request, label, answer);
  return {
    rows: rows.map((row) => requireKey(row, request.key, label, 'a row')),
    isBareArray,
    ...(next ? { next } : {}),
    ...(typeof total === 'number' ? { total } : {}),
    ...(typeof start === 'number' ? { start } : {}),
    ...(typeof limit === 'number' ? { limit } : {}),
    bytes: body.length,
    respondedAt,
  };
}

/** Reads the body of a 200 that holds a single object. Throws UnexpectedAnswer as `readPage` does. */
export function parseObject({ key }: ObjectRequest, label: string, body: Buffer): JsonObject {
  return requireKey(parseJsonBody(label, body), key, label, 'JSON');
}

function requireKey(value: Json, key: string, label: string, what: string): JsonObject {
  if (!isObject(value)) throw new UnexpectedAnswer(label, `${what} that is not an object`);
  const id = value[key];
  if (typeof id !== 'string' || id === '') throw new UnexpectedAnswer(label, `${what} without its ${key}`);
  return value;
}

function parseJsonBody(label: string, body: Buffer): Json {
  let text: string;
  try {
    text = utf8Decoder.decode(body);
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

function parseEnvelope(request: ListRequest, label: string, answer: Json): z.infer<typeof listEnvelope> & { rows: Json[] } {
  const parsed = listEnvelope.safeParse(answer);
  const rows = isObject(answer) ? answer[request.list] : undefined;
  if (!parsed.success || !Array.isArray(rows))
    throw new UnexpectedAnswer(label, `JSON that is not a list of ${request.list}`);
  return { ...parsed.data, rows };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
