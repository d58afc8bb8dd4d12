import { mapConcurrent } from '../async';
import type { Auth0Client } from '../auth0/client';
import { Gone, RequestRejected } from '../auth0/errors';
import { createListPaging } from '../auth0/paging/list';
import { endpoints, type ListRequest } from '../auth0/request';
import type { JsonObject } from '../json';
import type { Lookup, LookupResults } from '../streams/fetch-task';
import { type CancellableCall, maxConcurrentCalls, retryWhenRateLimited } from './tenants';

interface LookupRequest extends Sender {
  /** Roles are cached per run. */
  run: string;
  lookups: readonly Lookup[];
  /** Called for each member that no longer exists. */
  onVanished(): void;
}

/**
 * Answers the lookups of one page, several at a time. Waits for the tenant's rate limit without a limit of time: a page that
 * ends early would repeat all its lookups.
 */
export type ResolveLookups = (request: LookupRequest) => Promise<LookupResults>;

/** What a run knows about roles that the tenant's list of roles omits. */
interface RoleCache {
  /** By role id; undefined when the role no longer exists. */
  descriptions: Map<string, string | null | undefined>;
  /** Organizations of which at least one role was requested. */
  requestedOrganizations: Set<string>;
  /** False when the tenant does not list the roles of an organization. */
  canListByOrganization: boolean;
}

/** How the requests of one page's lookups are sent. */
interface Sender {
  client: Auth0Client;
  call: CancellableCall;
}

/** Runs whose roles stay in memory. */
const maxCachedRuns = 8;

/** Creates the lookups of a process. Each role is requested once per run. */
export function createLookupResolver(): ResolveLookups {
  const caches = new Map<string, RoleCache>();

  /** The most recently used run is the last one in the map. */
  function getCache(run: string): RoleCache {
    const cache = caches.get(run) ?? {
      descriptions: new Map(),
      requestedOrganizations: new Set(),
      canListByOrganization: true,
    };
    caches.delete(run);
    caches.set(run, cache);
    for (const oldest of [...caches.keys()].slice(0, -maxCachedRuns)) caches.delete(oldest);
    return cache;
  }

  return async ({ run, client, lookups, call, onVanished }) => {
    const cache = getCache(run);
    await cacheOrganizationRoles({ client, call }, cache, lookups);
    const descriptions = new Map<string, string | null>();
    const memberRoles = new Map<string, JsonObject[]>();
    await mapConcurrent(lookups, { limit: maxConcurrentCalls, signal: call.signal }, async (lookup, signal) => {
      const sender = { client, call: { ...call, signal } };
      if (lookup.kind === 'role') {
        const description = await describeRole(sender, cache, lookup.role);
        if (description !== undefined) descriptions.set(lookup.role, description);
      } else {
        // A member has at most 50 roles in an organization, so the list is one page.
        const roles = await readRoleList(sender, endpoints.memberRoles(lookup.organization, lookup.user));
        if (roles) memberRoles.set(lookup.user, roles);
        else onVanished();
      }
    });
    return { descriptions, memberRoles };
  };
}

/**
 * Lists the roles that an organization owns, in one request, when a page needs more than one of them. Not every tenant
 * supports that (GET /roles?type=organization is new); roles that the list omits are requested one by one.
 */
async function cacheOrganizationRoles(sender: Sender, cache: RoleCache, lookups: readonly Lookup[]): Promise<void> {
  const unknown = lookups.flatMap((lookup) =>
    lookup.kind === 'role' && !cache.descriptions.has(lookup.role) ? [lookup] : [],
  );
  for (const owner of new Set(unknown.map(({ organization }) => organization))) {
    const owned = unknown.filter(({ organization }) => organization === owner);
    const isWorthwhile = owned.length > 1 || cache.requestedOrganizations.has(owner);
    cache.requestedOrganizations.add(owner);
    if (!isWorthwhile || !cache.canListByOrganization) continue;
    const list = endpoints.roles({ type: 'organization', owner_id: owner });
    const roles = await readRoleList(sender, list).catch((error: unknown) => {
      if (!(error instanceof RequestRejected)) throw error;
    });
    for (const role of roles ?? []) cache.descriptions.set(role['id'] as string, parseDescription(role));
    cache.canListByOrganization = owned.some(({ role }) => cache.descriptions.has(role));
  }
}

/** The description of a role, null when it has none, undefined when it no longer exists. */
async function describeRole(sender: Sender, cache: RoleCache, id: string): Promise<string | null | undefined> {
  if (!cache.descriptions.has(id)) {
    const role = await ignoreGone(sender, () => sender.client.getObject(endpoints.role(id), sender.call));
    cache.descriptions.set(id, role && parseDescription(role));
  }
  return cache.descriptions.get(id);
}

function parseDescription({ description }: JsonObject): string | null {
  return typeof description === 'string' ? description : null;
}

/** Reads a short list to its end; undefined when its owner no longer exists. */
async function readRoleList(sender: Sender, list: ListRequest): Promise<JsonObject[] | undefined> {
  const paging = createListPaging(list, 'offset');
  const roles: JsonObject[] = [];
  let cursor = paging.start();
  for (;;) {
    const request = paging.next(cursor);
    if (!request) return roles;
    const page = await ignoreGone(sender, () => sender.client.getPage(request, sender.call));
    if (!page) return undefined;
    const progress = paging.advance(cursor, page, () => false);
    cursor = progress.cursor;
    roles.push(...progress.fresh);
  }
}

/** Undefined when the requested object does not exist. */
async function ignoreGone<Value>({ call }: Sender, send: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await retryWhenRateLimited(send, call.signal);
  } catch (error) {
    if (error instanceof Gone) return undefined;
    throw error;
  }
}
