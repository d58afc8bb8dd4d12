import { getStream } from './registry';

/** Scopes that a stream needs and the token has not; none when nobody knows what it has. */
export function listMissingScopes(stream: string, granted: readonly string[] | undefined): string[] {
  return getStream(stream).scopes.filter((scope) => granted !== undefined && !granted.includes(scope));
}

/** A scope without which a stream is read, but with some fields null. */
export interface OptionalScope {
  scope: string;
  stream: string;
  fields: string[];
}

/** What the streams need together, and what makes them fuller. */
export function listRequiredScopes(streams: readonly string[]): { needed: string[]; optional: OptionalScope[] } {
  const wanted = streams.map(getStream);
  return {
    needed: [...new Set(wanted.flatMap(({ scopes }) => scopes))],
    optional: wanted.flatMap(({ name, optionalScopes = [] }) =>
      optionalScopes.map(({ scope, fields }) => ({ scope, stream: name, fields })),
    ),
  };
}
