import { streamOf } from './registry';

/** Scopes that a stream needs and the token has not; none when nobody knows what it has. */
export function scopesLacking(stream: string, granted: readonly string[] | undefined): string[] {
  return streamOf(stream).scopes.filter((scope) => granted !== undefined && !granted.includes(scope));
}
