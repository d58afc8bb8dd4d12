import { applicationPermissionsPage, type MissingScope } from '../auth0/errors';
import { getStream } from '../streams/registry';

/**
 * The scopes that a token lacks for a stream, as far as they are known.
 * @param granted the token's scopes; undefined when the token does not list them
 * @param refusal Auth0's refusal of a request for the stream, which may name alternatives
 */
export function listLackingScopes(
  stream: string,
  granted: readonly string[] | undefined,
  refusal?: MissingScope,
): string[] {
  const { scopes } = getStream(stream);
  const lacking = granted ? scopes.filter((scope) => !granted.includes(scope)) : [];
  if (lacking.length > 0 || !refusal) return lacking;
  const named = scopes.filter((scope) => refusal.scopes.includes(scope));
  return [named, refusal.scopes, scopes].find((list) => list.length > 0) ?? [];
}

/** `Grant read:users to the application: …`: the next step when scopes are missing. */
export function formatGrantStep(scopes: readonly string[]): string {
  return `Grant ${scopes.join(' ')} to the application: ${applicationPermissionsPage}.`;
}
