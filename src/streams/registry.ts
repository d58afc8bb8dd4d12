import type { ConfiguredStream, StreamSelection } from '../protocol';
import { clients } from './clients';
import type { StreamDescriptor } from './descriptor';
import { organizationMemberRoles, organizationMembers } from './organization-members';
import { organizations } from './organizations';
import { users } from './users';

/** All streams, in the order of catalogs and tables. */
export const streams: readonly StreamDescriptor[] = [
  clients,
  users,
  organizations,
  organizationMembers,
  organizationMemberRoles,
];

/** Throws for an unknown name: callers validate names first. */
export function getStream(name: string): StreamDescriptor {
  const stream = streams.find((each) => each.name === name);
  if (!stream) throw new Error(`no stream is named ${name}`);
  return stream;
}

/**
 * Completes the selection of a stream with what a destination needs of its descriptor. An unknown stream has no records, so
 * any schema fits.
 */
export function configureStream(selection: StreamSelection): ConfiguredStream {
  const descriptor = streams.find(({ name }) => name === selection.name);
  const {
    jsonSchema: schema,
    primaryKey,
    cursorField,
  } = descriptor ?? { jsonSchema: { type: 'object' }, primaryKey: [] };
  return { ...selection, schema, primaryKey, ...(cursorField !== undefined && { cursorField }) };
}

/** A scope without which a stream is read with some fields null. */
export interface OptionalScope {
  scope: string;
  stream: string;
  fields: string[];
}

/** The scopes that the streams need, and those that complete their records. */
export function listRequiredScopes(streams: readonly string[]): { needed: string[]; optional: OptionalScope[] } {
  const descriptors = streams.map(getStream);
  return {
    needed: [...new Set(descriptors.flatMap(({ scopes }) => scopes))],
    optional: descriptors.flatMap(({ name, optionalScopes = [] }) =>
      optionalScopes.map(({ scope, fields }) => ({ scope, stream: name, fields })),
    ),
  };
}
