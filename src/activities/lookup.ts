import { listPaging } from '../auth0/paging/list';
import type { ListRequest } from '../auth0/request';
import type { JsonObject } from '../json';
import type { Found, Lookup } from '../streams/lookup';
import { patiently, sideBySide, type StoppableCall } from './calls';
import { nameOf } from './failure';
import type { Tenant } from './tenant';

/** What a run has found out of roles that the tenant's list does not show. */
interface KnownRoles {
  /** By id; undefined: the role is gone. */
  descriptions: Map<string, string | null | undefined>;
  /** Organizations of which a role has been asked for. */
  owners: Set<string>;
  /** False when the API turned out not to list the roles of an organization. */
  listed: boolean;
}

export interface Lookups {
  /**
   * Answers the lookups of a page, a few at a time. However long they have to wait for the tenant's limit, they wait: a
   * page that was given up would have to begin with all of them again.
   * @param onVanished told for every member that is gone
   */
  answer(run: string, tenant: Tenant, lookups: readonly Lookup[], call: LookupCall): Promise<Found>;
}

interface LookupCall extends StoppableCall {
  onVanished(): void;
}

/** Runs whose roles are remembered in this process. */
const mostRuns = 8;

/** The lookups of a process. A role is asked for once in a run, whoever holds it. */
export function createLookups(): Lookups {
  const runs = new Map<string, KnownRoles>();

  function rolesOfRun(run: string): KnownRoles {
    const roles = runs.get(run) ?? { descriptions: new Map(), owners: new Set(), listed: true };
    runs.delete(run);
    runs.set(run, roles);
    for (const oldest of [...runs.keys()].slice(0, -mostRuns)) runs.delete(oldest);
    return roles;
  }

  return {
    async answer(run, tenant, lookups, { onVanished, ...call }) {
      const known = rolesOfRun(run);
      await listRoles(tenant, known, lookups, call);
      const descriptions = new Map<string, string | null>();
      const memberRoles = new Map<string, JsonObject[]>();
      await sideBySide(lookups, call.signal, async (lookup, signal) => {
        if (lookup.kind === 'role') {
          const { role } = lookup;
          if (!known.descriptions.has(role)) {
            known.descriptions.set(role, await describe(tenant, role, { ...call, signal }));
          }
          const description = known.descriptions.get(role);
          if (description !== undefined) descriptions.set(role, description);
        } else {
          const roles = await readMemberRoles(tenant, lookup, { ...call, signal });
          if (roles) memberRoles.set(lookup.user, roles);
          else onVanished();
        }
      });
      return { descriptions, memberRoles };
    },
  };
}

/**
 * An organization of which more than one role is wanted is asked for all that it owns, in one request. Not every tenant
 * answers that (GET /roles?type=organization is new); what is not found so is asked for by its id.
 */
async function listRoles(
  tenant: Tenant,
  known: KnownRoles,
  lookups: readonly Lookup[],
  call: StoppableCall,
): Promise<void> {
  const wanted = lookups.flatMap((lookup) =>
    lookup.kind === 'role' && !known.descriptions.has(lookup.role) ? [lookup] : [],
  );
  for (const owner of new Set(wanted.map(({ organization }) => organization))) {
    const own = wanted.filter(({ organization }) => organization === owner);
    const worthwhile = own.length > 1 || known.owners.has(owner);
    known.owners.add(owner);
    if (!worthwhile || !known.listed) continue;
    const query = { type: 'organization', owner_id: owner };
    const roles = await readRoles(tenant, { path: 'roles', query, list: 'roles', key: 'id' }, call).catch(
      unlessRejected,
    );
    for (const role of roles ?? []) known.descriptions.set(role['id'] as string, descriptionOf(role));
    known.listed = own.some(({ role }) => known.descriptions.has(role));
  }
}

function unlessRejected(error: unknown): undefined {
  if (nameOf(error) !== 'RequestRejected') throw error;
}

async function describe(tenant: Tenant, role: string, call: StoppableCall): Promise<string | null | undefined> {
  const request = { path: `roles/${encodeURIComponent(role)}`, key: 'id' };
  const found = await ifThere(() => tenant.client.one(request, call), call.signal);
  return found && descriptionOf(found);
}

function descriptionOf({ description }: JsonObject): string | null {
  return typeof description === 'string' ? description : null;
}

/** Auth0 lets a member hold 50 roles in an organization, so that this is one page. */
function readMemberRoles(
  tenant: Tenant,
  { organization, user }: Lookup & { kind: 'member-roles' },
  call: StoppableCall,
): Promise<JsonObject[] | undefined> {
  const path = `organizations/${encodeURIComponent(organization)}/members/${encodeURIComponent(user)}/roles`;
  return readRoles(tenant, { path, query: {}, list: 'roles', key: 'id' }, call);
}

/** A short list to its end; undefined when whose list it is does not exist (any more). */
async function readRoles(tenant: Tenant, base: ListRequest, call: StoppableCall): Promise<JsonObject[] | undefined> {
  const paging = listPaging(base, 'offset');
  const roles: JsonObject[] = [];
  let cursor = paging.start();
  for (let request = paging.next(cursor); request; request = paging.next(cursor)) {
    const asked = request;
    const page = await ifThere(() => tenant.client.list(asked, call), call.signal);
    if (!page) return undefined;
    const progress = paging.advance(cursor, page, () => false);
    cursor = progress.cursor;
    roles.push(...progress.fresh);
  }
  return roles;
}

/** Undefined when the thing asked for does not exist (any more). */
async function ifThere<Value>(ask: () => Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  try {
    return await patiently(ask, signal);
  } catch (error) {
    if (nameOf(error) === 'Gone') return undefined;
    throw error;
  }
}
