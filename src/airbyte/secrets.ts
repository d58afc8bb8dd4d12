import { formatMessageLine } from './messages';

/** Keys of a message under which free text stands. */
const freeTextKeys = new Set(['message', 'internal_message', 'stack_trace']);

/** Messages that carry free text; RECORD, STATE, SPEC and CATALOG are data and must not be altered. */
const freeTextMessage = /^\{"type":"(?:LOG|TRACE|CONNECTION_STATUS)"/;

/** Replaces every secret in the text, also where it stands form-encoded or inside a JSON string, by `****`. */
export function maskSecrets(text: string, secrets: Iterable<string>): string {
  return [...new Set([...secrets].flatMap(listEncodings))]
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length) // a secret that begins like a longer one must not leave the longer one's tail
    .reduce((masked, form) => masked.replaceAll(form, '****'), text);
}

/** Masks the free text of a protocol message's line; the message's own words (`INFO`, `ERROR`) stay whatever a secret is. */
export function maskLine(line: string, secrets: ReadonlySet<string>): string {
  if (secrets.size === 0 || !freeTextMessage.test(line)) return line;
  return formatMessageLine(
    JSON.parse(line, (key, value: unknown) =>
      typeof value === 'string' && freeTextKeys.has(key) ? maskSecrets(value, secrets) : value,
    ) as object,
  );
}

function listEncodings(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), new URLSearchParams([['', secret]]).toString().slice(1)];
}
