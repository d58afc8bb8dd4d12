/** Any value that JSON can carry. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object: one row of an Auth0 list. */
export type JsonObject = { [key: string]: Json };

/** A JSON value as text: a string as it is, anything else as JSON writes it, nothing as the empty string. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}
