/** Values as Auth0's user search reads them (https://auth0.com/docs/manage-users/user-search/user-search-query-syntax). */

/** `"…"` */
export function formatPhrase(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** `value*`, every character of the value literal. A single `|`, as in every user id, means nothing and stays. */
export function formatPrefix(value: string): string {
  return `${value.replace(/[^\p{L}\p{N}_.@|]|\|(?=\|)|(?<=\|)\|/gu, '\\$&')}*`;
}
