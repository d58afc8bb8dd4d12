import { z } from 'zod';

/** Error body of the Management API (`message`, `errorCode`) or of the token endpoint (`error_description`). */
const errorBodySchema = z.object({
  error: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  errorCode: z.string().optional().catch(undefined),
  error_description: z.string().optional().catch(undefined),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

/** Empty when the body is no JSON object: proxies in front of Auth0 answer in HTML. */
export function parseErrorBody(body: Buffer): ErrorBody {
  try {
    return errorBodySchema.parse(JSON.parse(body.toString('utf8')));
  } catch {
    return {};
  }
}

/**
 * Scopes named by a 403 `insufficient_scope`. Seen: `Insufficient scope, expected any of: a, b`, the same with `a,b`,
 * and `Insufficient scope; expected any of: …` in the documentation.
 */
export function parseRequiredScopes(message: string | undefined): string[] {
  const list = /expected (?:any|all) of:?(.*)$/i.exec(message ?? '')?.[1] ?? '';
  return list.match(/[a-z_]+:[a-z_]+/gi) ?? [];
}

/** Texts of Auth0 that say why a request was refused. Others may quote what was sent, and are not repeated. */
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

export function findQuotableDetail(body: ErrorBody): string | undefined {
  const text = body.message ?? '';
  return quotablePatterns.map((pattern) => pattern.exec(text)?.[0]).find((found) => found !== undefined);
}

/** `errorCode` when it is a plain word. */
export function readErrorCode(body: ErrorBody): string | undefined {
  const code = body.errorCode ?? body.error;
  return code !== undefined && /^[a-z][a-z_]{0,59}$/i.test(code) ? code : undefined;
}
