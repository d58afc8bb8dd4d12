import { z } from 'zod';
import { defined, isObject, isPresent, type Json, type JsonObject } from '../json';
import {
  type Auth0Error,
  BadCredentials,
  type CredentialsProblem,
  FeatureNotInPlan,
  Gone,
  MissingScope,
  RequestRejected,
  Transient,
  UnexpectedAnswer,
} from './errors';
import type { HttpResponse } from './http';
import { describeRequest, type ListRequest, type ObjectRequest, type Page } from './request';

/** Accepts `null` for an absent value: no list documents it, but JSON libraries send it. */
const optionalCount = z.int().nonnegative().nullish();

/** Totals or a checkpoint beside the rows. */
const listEnvelope = z.object({
  start: optionalCount,
  limit: optionalCount,
  total: optionalCount,
  next: z.string().nullish(),
});

const utf8Decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses the body of a 200. Throws UnexpectedAnswer when it is truncated, not JSON, not a list, or has a row without its
 * key; no row of such a page is used.
 * @param respondedAt the server's clock, epoch ms
 */
export function parsePage({ path, list, key }: ListRequest, body: Buffer, respondedAt: number): Page {
  const label = describeRequest(path);
  const answer = parseJsonBody(label, body);
  const isBareArray = Array.isArray(answer);
  const rows = isObject(answer) ? answer[list] : answer;
  const { success, data = {} } = listEnvelope.safeParse(isBareArray ? {} : answer);
  if (!success || !Array.isArray(rows)) throw new UnexpectedAnswer(label, `JSON without a list of ${list}`);
  const { next, total, start, limit } = data;
  return {
    rows: rows.map((row) => requireKey(row, key, label, 'a row')),
    isBareArray,
    ...defined({
      next: next || undefined,
      total: total ?? undefined,
      start: start ?? undefined,
      limit: limit ?? undefined,
    }),
    bytes: body.length,
    respondedAt,
  };
}

/** Parses the body of a 200 that contains a single object. Throws UnexpectedAnswer as `parsePage` does. */
export function parseObject({ path, key }: ObjectRequest, body: Buffer): JsonObject {
  const label = describeRequest(path);
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
      ? 'HTML instead of JSON'
      : text.trim() === ''
        ? 'nothing'
        : 'truncated or malformed JSON';
    throw new UnexpectedAnswer(label, flaw);
  }
}

/** Error body of the Management API (`message`, `errorCode`) or of the token endpoint (`error_description`). */
const optionalText = z.string().optional().catch(undefined);
const errorBodySchema = z.object({
  error: optionalText,
  message: optionalText,
  errorCode: optionalText,
  error_description: optionalText,
});
type ErrorBody = z.infer<typeof errorBodySchema>;

/** Returns an empty object for a body that is not a JSON object: proxies in front of Auth0 answer in HTML. */
export function parseErrorBody(body: Buffer): ErrorBody {
  try {
    return errorBodySchema.parse(JSON.parse(body.toString('utf8')));
  } catch {
    return {};
  }
}

/** Scopes in a 403's message. Observed: `Insufficient scope, expected any of: a, b`, also `a,b`; documented: `scope; expected`. */
function parseRequiredScopes(message: string | undefined): string[] {
  const list = /expected (?:any|all) of:?(.*)$/i.exec(message ?? '')?.[1] ?? '';
  return list.match(/[a-z_]+:[a-z_]+/gi) ?? [];
}

/** Auth0's messages that are safe to repeat. Others may quote the request. */
const quotablePatterns: readonly RegExp[] = [
  /^You can only page through the first 1000 records/,
  /^Requesting page(?: \d+)? exceeds the allowed maximum of 1000 records/,
  /^Query validation error/,
  /^Path validation error/,
  /^Invalid query string paging options/,
  /^You are not allowed to use search_engine=v\d/,
  /^The query exceeded the timeout/,
  /^invalid query: operator '[a-z ]+' is not supported/,
];

function findQuotableDetail(body: ErrorBody): string | undefined {
  return quotablePatterns.map((pattern) => pattern.exec(body.message ?? '')?.[0]).find(isPresent);
}

/** The `errorCode` when it is a plain identifier. */
function readErrorCode(body: ErrorBody): string | undefined {
  const code = body.errorCode ?? body.error;
  return code !== undefined && /^[a-z][a-z_]{0,59}$/i.test(code) ? code : undefined;
}

const domainNextStep = "Check the domain: <tenant>.<region>.auth0.com or the tenant's custom domain.";

/** Converts a Management API response other than 200 and 429 to an error. `request`: method and path template. */
export function classifyResponse(request: string, { status, body }: HttpResponse): Auth0Error {
  const error = parseErrorBody(body);
  // A request line that is too long is rejected before it reaches the API.
  if (status !== 414 && !isAuth0Refusal(status, error)) return classifyForeignResponse(request, status, error);
  switch (status) {
    case 401:
      return new BadCredentials(classifyTokenProblem(error.message ?? ''));
    case 403:
      if (error.errorCode === 'insufficient_scope')
        return new MissingScope(request, parseRequiredScopes(error.message));
      if (error.errorCode === 'insufficient_entitlement') return new FeatureNotInPlan(request);
      break;
    case 404:
      // Every tenant has all lists: only an object with an id can be deleted.
      return request.includes('{id}') ? new Gone(request) : new UnexpectedAnswer(request, 'status 404', domainNextStep);
    case 400:
      // The response to an opaque token, such as one for the tenant's userinfo endpoint.
      if (error.errorCode === 'Bearer') return new BadCredentials('refused_token');
  }
  return new RequestRejected(request, status, readErrorCode(error), findQuotableDetail(error));
}

function classifyTokenProblem(message: string): CredentialsProblem {
  if (/expired/i.test(message)) return 'expired_token';
  if (/^missing authentication/i.test(message)) return 'token_not_received';
  // The application is not authorized for the Management API.
  if (/^client is not global/i.test(message)) return 'client_grant';
  return 'refused_token';
}

/** Converts a token endpoint response other than 200 and 429 to an error. */
export function classifyTokenResponse(request: string, { status, body }: HttpResponse): Auth0Error {
  const error = parseErrorBody(body);
  const text = error.error_description ?? '';
  if (status === 404) return new BadCredentials('no_token_endpoint');
  if (!isAuth0Refusal(status, error)) return classifyForeignResponse(request, status, error);
  if (error.error === 'unauthorized_client') return new BadCredentials('grant_type');
  if (text.startsWith('Service not enabled within domain')) return new BadCredentials('audience');
  if (text.includes('not authorized to access')) return new BadCredentials('client_grant');
  if (status === 401 || error.error === 'invalid_client' || text === 'Unauthorized')
    return new BadCredentials('secret');
  return new RequestRejected(request, status, readErrorCode(error));
}

/** Whether Auth0 itself rejected the request: proxies and firewalls answer in another format. */
function isAuth0Refusal(status: number, body: ErrorBody): boolean {
  return status >= 400 && status < 500 && status !== 408 && body.error !== undefined;
}

/** An outage, or a response that does not come from Auth0. */
function classifyForeignResponse(request: string, status: number, body: ErrorBody): Auth0Error {
  if (status >= 500 || status === 408) {
    const detail = findQuotableDetail(body);
    return new Transient(request, `Auth0 answered ${status}${detail ? ` (${detail})` : ''}`);
  }
  if (status >= 400)
    return new UnexpectedAnswer(request, `status ${status} without an Auth0 error body`, domainNextStep);
  if (status >= 300) return new UnexpectedAnswer(request, `a redirect (${status}) to another address`, domainNextStep);
  return new UnexpectedAnswer(request, `status ${status}`);
}
