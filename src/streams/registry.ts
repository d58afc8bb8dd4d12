import { defined } from '../json';
import type { ConfiguredStream, StreamSelection } from '../protocol';
import { clients } from './clients';
import type { StreamDescriptor } from './descriptor';
import { organizationMemberRoles, organizationMembers, organizations } from './organizations';
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
  const { jsonSchema, primaryKey, cursorField }: Partial<StreamDescriptor> =
    streams.find(({ name }) => name === selection.name) ?? {};
  return {
    ...selection,
    schema: jsonSchema ?? { type: 'object' },
    primaryKey: primaryKey ?? [],
    ...defined({ cursorField }),
  };
}

/** The scopes that the streams need, and those without which some of their fields are null. */
export function listRequiredScopes(names: readonly string[]): {
  needed: string[];
  optional: { scope: string; stream: string; fields: string[] }[];
} {
  const descriptors = names.map(getStream);
  return {
    needed: [...new Set(descriptors.flatMap(({ scopes }) => scopes))],
    optional: descriptors.flatMap(({ name, optionalScopes = [] }) =>
      optionalScopes.map(({ scope, fields }) => ({ scope, stream: name, fields })),
    ),
  };
}
