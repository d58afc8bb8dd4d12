/** A JSON value as text: a string as it is, anything else as JSON writes it, nothing as the empty string. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}
