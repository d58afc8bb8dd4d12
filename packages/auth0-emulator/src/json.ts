/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object: one row of an Auth0 list. */
export type JsonObject = { [key: string]: Json };

/** A string unchanged, any other value as JSON, undefined as the empty string. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

/** Orders numbers by value and everything else by text. */
export function compareJson(one: Json, other: Json): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [text, otherText] = [toText(one), toText(other)];
  return text < otherText ? -1 : text > otherText ? 1 : 0;
}
