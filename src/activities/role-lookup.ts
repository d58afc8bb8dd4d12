import { mapConcurrent } from '../async';
import { Gone, RequestRejected } from '../auth0/errors';
import { createListPaging } from '../auth0/paging/list';
import type { ListRequest } from '../auth0/request';
import type { JsonObject } from '../json';
import type { Lookup, LookupResults } from '../streams/fetch-task';
import { type CancellableCall, maxConcurrentCalls, retryWhenRateLimited } from './rate-limited-call';
import type { Tenant } from './tenants';

/** What a run has found out of roles that the tenant's list does not show. */
interface CachedRoles {
  /** By id; undefined: the role is gone. */
  descriptions: Map<string, string | null | undefined>;
  /** Organizations of which a role has been asked for. */
  queriedOrganizations: Set<string>;
  /** False when the API turned out not to list the roles of an organization. */
  canListByOrganization: boolean;
}

export interface LookupResolver {
  /**
   * Answers the lookups of a page, a few at a time. However long they have to wait for the tenant's limit, they wait: a
   * page that was given up would have to begin with all of them again.
   * @param onVanished told for every member that is gone
   */
  resolve(run: string, tenant: Tenant, lookups: readonly Lookup[], call: LookupCall): Promise<LookupResults>;
}

interface LookupCall extends CancellableCall {
  onVanished(): void;
}

/** Runs whose roles are remembered in this process. */
const maxCachedRuns = 8;

/** The lookups of a process. A role is asked for once in a run, whoever holds it. */
export function createLookupResolver(): LookupResolver {
  const runs = new Map<string, CachedRoles>();

  function rolesOfRun(run: string): CachedRoles {
    const roles = runs.get(run) ?? {
      descriptions: new Map(),
      queriedOrganizations: new Set(),
      canListByOrganization: true,
    };
    runs.delete(run);
    runs.set(run, roles);
    for (const oldest of [...runs.keys()].slice(0, -maxCachedRuns)) runs.delete(oldest);
    return roles;
  }

  return {
    async resolve(run, tenant, lookups, { onVanished, ...call }) {
      const known = rolesOfRun(run);
      await cacheOrganizationRoles(tenant, known, lookups, call);
      const descriptions = new Map<string, string | null>();
      const memberRoles = new Map<string, JsonObject[]>();
      const limits = { limit: maxConcurrentCalls, signal: call.signal };
      await mapConcurrent(lookups, limits, async (lookup, signal) => {
        if (lookup.kind === 'role') {
          const { role } = lookup;
          if (!known.descriptions.has(role)) {
            known.descriptions.set(role, await readRoleDescription(tenant, role, { ...call, signal }));
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
async function cacheOrganizationRoles(
  tenant: Tenant,
  cache: CachedRoles,
  lookups: readonly Lookup[],
  call: CancellableCall,
): Promise<void> {
  const wanted = lookups.flatMap((lookup) =>
    lookup.kind === 'role' && !cache.descriptions.has(lookup.role) ? [lookup] : [],
  );
  for (const owner of new Set(wanted.map(({ organization }) => organization))) {
    const own = wanted.filter(({ organization }) => organization === owner);
    const worthwhile = own.length > 1 || cache.queriedOrganizations.has(owner);
    cache.queriedOrganizations.add(owner);
    if (!worthwhile || !cache.canListByOrganization) continue;
    const query = { type: 'organization', owner_id: owner };
    const roles = await readRoleList(tenant, { path: 'roles', query, list: 'roles', key: 'id' }, call).catch(
      ignoreRejected,
    );
    for (const role of roles ?? []) cache.descriptions.set(role['id'] as string, parseDescription(role));
    cache.canListByOrganization = own.some(({ role }) => cache.descriptions.has(role));
  }
}

function ignoreRejected(error: unknown): undefined {
  if (!(error instanceof RequestRejected)) throw error;
}

async function readRoleDescription(
  tenant: Tenant,
  role: string,
  call: CancellableCall,
): Promise<string | null | undefined> {
  const request = { path: `roles/${encodeURIComponent(role)}`, key: 'id' };
  const found = await ignoreGone(() => tenant.client.getObject(request, call), call.signal);
  return found && parseDescription(found);
}

function parseDescription({ description }: JsonObject): string | null {
  return typeof description === 'string' ? description : null;
}

/** Auth0 lets a member hold 50 roles in an organization, so that this is one page. */
function readMemberRoles(
  tenant: Tenant,
  { organization, user }: Lookup & { kind: 'member-roles' },
  call: CancellableCall,
): Promise<JsonObject[] | undefined> {
  const path = `organizations/${encodeURIComponent(organization)}/members/${encodeURIComponent(user)}/roles`;
  return readRoleList(tenant, { path, query: {}, list: 'roles', key: 'id' }, call);
}

/** A short list to its end; undefined when whose list it is does not exist (any more). */
async function readRoleList(
  tenant: Tenant,
  base: ListRequest,
  call: CancellableCall,
): Promise<JsonObject[] | undefined> {
  const paging = createListPaging(base, 'offset');
  const roles: JsonObject[] = [];
  let cursor = paging.start();
  for (let request = paging.next(cursor); request; request = paging.next(cursor)) {
    const asked = request;
    const page = await ignoreGone(() => tenant.client.getPage(asked, call), call.signal);
    if (!page) return undefined;
    const progress = paging.advance(cursor, page, () => false);
    cursor = progress.cursor;
    roles.push(...progress.fresh);
  }
  return roles;
}

/** Undefined when the thing asked for does not exist (any more). */
async function ignoreGone<Value>(send: () => Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  try {
    return await retryWhenRateLimited(send, signal);
  } catch (error) {
    if (error instanceof Gone) return undefined;
    throw error;
  }
}
