import { clients } from './clients';
import type { StreamDescriptor } from './descriptor';
import { organizationMemberRoles } from './organization-member-roles';
import { organizationMembers } from './organization-members';
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
