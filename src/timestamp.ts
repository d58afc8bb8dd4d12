const datePattern = /(\d{4}-\d\d-\d\d)/;
const timePattern = /(\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?/;
const zonePattern = / ?(?:[Zz]|([+-])(\d\d):?(\d\d)?)/;
const isoPattern = new RegExp(`^${datePattern.source}(?:[Tt ]${timePattern.source}(?:${zonePattern.source})?)?$`);

/** The pattern of `normaliseTimestamp` for a JSON schema. The function also refuses dates that do not exist. */
export const timestampPattern = isoPattern.source;

/**
 * Converts an ISO 8601 time to `YYYY-MM-DDTHH:MM:SS.mmmZ`, the form that Auth0 writes and that sorts as text. Accepts
 * dates without a time, 0 to 9 fractional digits (truncated to milliseconds), and `Z`, an offset, or no zone (UTC).
 * Returns undefined for anything else, also for dates that do not exist and years outside 0000 to 9999.
 */
export function normaliseTimestamp(text: string): string | undefined {
  const match = isoPattern.exec(text);
  if (!match) return undefined;
  const [, date, minutes = '00:00', seconds = '00', fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] =
    match;
  const local = `${date}T${minutes}:${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const localMs = Date.parse(local);
  // `Date` turns 30 February into 1 or 2 March, and 24:00 into the next day.
  if (Number.isNaN(localMs) || new Date(localMs).toISOString() !== local) return undefined;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 * (sign === '-' ? -1 : 1);
  const utc = new Date(localMs - offsetMs).toISOString();
  return utc.length === local.length ? utc : undefined;
}
