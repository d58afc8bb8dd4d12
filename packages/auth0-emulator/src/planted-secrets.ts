import { hash, toHex } from './random';

/** Everything secret that the emulator gives out starts so, whatever else it looks like. */
const plantedSecretPattern = /emulated-secret-[a-z-]+-[0-9a-f]{16}/g;
/** The access tokens of `/oauth/token`: RS256 tokens with the header that the emulator writes. */
const accessTokenPattern = /eyJhbGciOiJSUzI1NiI[\w-]*\.[\w-]+\.[\w-]+/g;

/** A value that `findSecrets` recognises, the same for the same seed, purpose and index. */
export function plantSecret(purpose: string, seed: number, index: number): string {
  return `emulated-secret-${purpose}-${toHex(hash(seed, 90, index))}${toHex(hash(seed, 91, index))}`;
}

/** Every secret of an emulated tenant that the text holds: client secrets, keys, identity providers' tokens, access tokens. */
export function findSecrets(text: string): string[] {
  return [...(text.match(plantedSecretPattern) ?? []), ...(text.match(accessTokenPattern) ?? [])];
}
