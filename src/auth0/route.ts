/** `organizations/org_1/members` → `organizations/{id}/members`: what may be said aloud, and what limits go by. */
export function toRouteTemplate(path: string): string {
  return path
    .split('/')
    .map((segment, place) => (place % 2 === 0 ? segment : '{id}'))
    .join('/');
}

/** Percent-encodes everything but the unreserved characters, a space as `%20`: `*`, `|` and `+` survive any server. */
export function encodeQuery(query: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(String(value))}`)
    .join('&');
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
