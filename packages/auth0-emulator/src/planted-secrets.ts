import { hash, toHex } from './random';

/** All secrets of the emulator have this form. */
const plantedSecretPattern = /emulated-secret-[a-z-]+-[0-9a-f]{16}/g;
/** Access tokens of `/oauth/token`: RS256 with the emulator's header. */
const accessTokenPattern = /eyJhbGciOiJSUzI1NiI[\w-]*\.[\w-]+\.[\w-]+/g;

/** A value that `findSecrets` recognizes, the same for the same seed, purpose and index. */
export function plantSecret(purpose: string, seed: number, index: number): string {
  return `emulated-secret-${purpose}-${toHex(hash(seed, 90, index))}${toHex(hash(seed, 91, index))}`;
}

/**
 * Finds the emulated tenant's secrets in a text: client secrets, keys, tokens of identity providers, access tokens.
 *
 * @example expect(findSecrets(logOutput)).toEqual([]);
 */
export function findSecrets(text: string): string[] {
  return [...(text.match(plantedSecretPattern) ?? []), ...(text.match(accessTokenPattern) ?? [])];
}
