const datePattern = /(\d{4}-\d\d-\d\d)/;
const timePattern = /(\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?/;
const zonePattern = / ?(?:[Zz]|([+-])(\d\d):?(\d\d)?)/;
const isoPattern = new RegExp(`^${datePattern.source}(?:[Tt ]${timePattern.source}(?:${zonePattern.source})?)?$`);

/** What `normaliseTimestamp` takes, for a JSON schema; it also refuses days that no calendar has. */
export const timestampPattern = isoPattern.source;

/**
 * Brings an ISO 8601 time to `YYYY-MM-DDTHH:MM:SS.mmmZ`, the form in which Auth0 writes times and which sorts as text.
 * Takes dates without a time, 0 to 9 digits of fraction (cut to milliseconds), `Z`, an offset, or no zone (UTC).
 * Undefined for everything else, days that no calendar has and years outside 0000 to 9999 among it.
 */
export function normaliseTimestamp(text: string): string | undefined {
  const match = isoPattern.exec(text);
  if (!match) return undefined;
  const [, date, minutes = '00:00', seconds = '00', fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] =
    match;
  const local = `${date}T${minutes}:${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const localMs = Date.parse(local);
  // `Date` rolls 30 February over to March and 24:00 to the next day.
  if (Number.isNaN(localMs) || new Date(localMs).toISOString() !== local) return undefined;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 * (sign === '-' ? -1 : 1);
  const utc = new Date(localMs - offsetMs).toISOString();
  return utc.length === local.length ? utc : undefined;
}
