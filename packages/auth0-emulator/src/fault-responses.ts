import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Json, JsonObject } from './json';
import { ApiError, createBadRequestError, createTooManyRequestsError } from './api-error';
import type { FaultKind } from './faults';

const renderErrorPage = (text = 'Something went wrong'): string =>
  `<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head><body><h1>${text}</h1></body></html>\n`;

const searchTimeoutMessage =
  'The query exceeded the timeout. Please try refining your search criteria. See https://auth0.com/docs/best-practices/search-best-practices.';

/** Faults that replace the response. The others change its body (see `omitRows` and `sendWithBodyFault`). */
export const faultResponses: Partial<
  Record<FaultKind, (reply: FastifyReply, now: number, text: string | undefined) => unknown>
> = {
  '400': (reply, _, text = 'Bad request') => sendApiError(reply, createBadRequestError(text, 'invalid_request')),
  '500': (reply, _, text = 'An internal error occurred') => sendApiError(reply, new ApiError(500, text)),
  '502': (reply, _, text) => reply.code(502).type('text/html; charset=UTF-8').send(renderErrorPage(text)),
  '503': (reply, _, text = 'Service unavailable') => sendApiError(reply, new ApiError(503, text)),
  '504': (reply, _, text) => reply.code(504).type('text/html; charset=UTF-8').send(renderErrorPage(text)),
  '503-search-timeout': (reply) => sendApiError(reply, new ApiError(503, searchTimeoutMessage)),
  html: (reply, _, text) => reply.code(200).type('text/html; charset=UTF-8').send(renderErrorPage(text)),
  '429': (reply, now) => {
    reply.headers({ 'x-ratelimit-remaining': 0, 'x-ratelimit-reset': Math.ceil(now / 1_000) + 1 });
    return sendApiError(reply, createTooManyRequestsError());
  },
  'empty-object': (reply) => reply.code(200).send({}),
  reset: (reply) => {
    reply.hijack();
    reply.raw.socket?.resetAndDestroy();
    return reply;
  },
};

export function sendApiError(reply: FastifyReply, error: ApiError): FastifyReply {
  return reply.code(error.status).send(error.toBody());
}

/** Removes every `nth` row from a list's body and updates `length`, where it exists. */
export function omitRows(body: JsonObject | JsonObject[], nth = 3): JsonObject | JsonObject[] {
  const keep = <T>(rows: T[]): T[] => rows.filter((_, index) => (index + 1) % nth !== 0);
  if (Array.isArray(body)) return keep(body);
  const kept = { ...body };
  for (const [name, rows] of Object.entries(body)) {
    if (!Array.isArray(rows)) continue;
    kept[name] = keep(rows);
    if ('length' in body) kept['length'] = keep(rows).length;
  }
  return kept;
}

/** Whether the body contains the record with this id, including its name. */
export function includesNamedRecord(body: JsonObject | JsonObject[], id: string): boolean {
  const rows: Json[] = Array.isArray(body) ? body : [body, ...Object.values(body).flat()];
  return rows.some((row) => row instanceof Object && 'name' in row && Object.values(row).includes(id));
}

/** Sends the body, truncated to its first half for the faults `cut` and `cut-length`. */
export function sendWithBodyFault(reply: FastifyReply, json: string, fault: FaultKind | undefined): FastifyReply {
  const body = Buffer.from(json);
  const half = body.subarray(0, Math.floor(body.length / 2));
  if (fault === 'cut') return reply.send(half);
  if (fault !== 'cut-length') return reply.send(body);
  reply.hijack();
  reply.raw.writeHead(reply.statusCode, {
    ...reply.getHeaders(),
    'content-length': body.length,
  } as OutgoingHttpHeaders);
  reply.raw.write(half, () => reply.raw.socket?.destroy());
  return reply;
}
