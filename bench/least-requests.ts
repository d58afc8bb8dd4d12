import type { Tenant } from '../src/emulator/tenant';
import { type Holdings, window } from '../src/streams/least-requests';

export { leastRequests, leastRequestsForChanges, type Requests } from '../src/streams/least-requests';

/** Counts what a tenant holds now; users are those that a full refresh walks over, by their creation. */
export function countHoldings({ clients, users, organizations, memberships, roles }: Tenant): Holdings {
  const sizes = new Map<unknown, number>();
  for (const { created_at: at = null } of users.all()) sizes.set(at, (sizes.get(at) ?? 0) + 1);
  const usersWithout = sizes.get(null) ?? 0;
  sizes.delete(null);
  const ownerOf = new Map(roles.rows.map(({ id, record }) => [id, record['owner_id']]));
  const owners = organizations.rows.map(({ id }) => {
    const held = new Set(memberships.of(id).flatMap((member) => member.roles));
    return {
      held: [...held].filter((role) => ownerOf.get(role) === id).length,
      roles: [...ownerOf.values()].filter((owner) => owner === id).length,
    };
  });
  return {
    clients: clients.rows.length,
    users: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    usersWithout,
    ties: [...sizes.values()].filter((size) => size >= window),
    organizations: organizations.rows.length,
    members: organizations.rows.map(({ id }) => memberships.of(id).length),
    roles: [...ownerOf.values()].filter((owner) => owner === undefined).length,
    owners: owners.filter(({ held }) => held > 0),
  };
}

/** What a reader may make: 3 % and five requests more than the least. */
export function allowance(least: number): number {
  return Math.floor(least * 1.03) + 5;
}
