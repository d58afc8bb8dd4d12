import type { ConfiguredStream, StreamSelection } from '../protocol';
import { clients } from './clients';
import type { StreamDescriptor } from './descriptor';
import { organizationMemberRoles, organizationMembers } from './organization-members';
import { organizations } from './organizations';
import { users } from './users';

/** Every stream, in the order in which catalogs and tables show them. */
export const streams: readonly StreamDescriptor[] = [
  clients,
  users,
  organizations,
  organizationMembers,
  organizationMemberRoles,
];

/** The descriptor of a stream's name. Throws for a name that no stream has: callers check names at the door. */
export function getStream(name: string): StreamDescriptor {
  const stream = streams.find((each) => each.name === name);
  if (!stream) throw new Error(`no stream is named ${name}`);
  return stream;
}

/** Completes the selection of a known stream with what a destination needs of its descriptor. */
export function configureStream(selection: StreamSelection): ConfiguredStream {
  const { jsonSchema: schema, primaryKey, cursorField } = getStream(selection.name);
  return { ...selection, schema, primaryKey, ...(cursorField !== undefined && { cursorField }) };
}

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
