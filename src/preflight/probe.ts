import type { Auth0Client } from '../auth0/client';
import { Gone, MissingScope, UnexpectedAnswer } from '../auth0/errors';
import type { ListRequest, Page } from '../auth0/request';
import type { RolesSource } from '../streams/fetch-task';
import { listMissingScopes } from '../streams/registry';
import { countUsers, type Estimate, type SendRequest } from './user-count';

/** What a tenant holds, as far as a few requests tell. What was not asked for, or may not be read, is absent. */
export interface ProbeResult {
  clients?: number;
  users?: Estimate;
  organizations?: number;
  /** Members of the organizations that were looked at, in the order of the list. */
  members: number[];
  /** Roles that a member holds on the average; absent when no member was looked at. */
  rolesPerMember?: number;
  /** Roles of the tenant, whose list tells their descriptions. */
  roles: number;
  /** Why streams can't be read, by their names. */
  refused: Map<string, string>;
  /** Requests that were spent. */
  requests: number;
}

export interface ProbeOptions {
  /** Those that are wanted. */
  streams: readonly string[];
  rolesSource: RolesSource;
  /** Users last changed before it are left out, ISO 8601 with milliseconds. */
  startDate?: string;
}

/** Requests that a tenant is probed with at most; repeats after failures come on top. */
export const maxProbeRequests = 15;
const maxProbedOrganizations = 6;
const [organizations, members, memberRoles] = [
  'organizations',
  'organization_members',
  'organization_member_roles',
] as const;

/**
 * Finds out what a full read of the streams would bring, by `probeBudget` requests at most. A stream that the token may not
 * read is noted as refused. Throws what `Auth0Client.list` throws, for all that concerns more than one stream.
 */
export async function probeTenant(client: Auth0Client, options: ProbeOptions): Promise<ProbeResult> {
  const { rolesSource, startDate } = options;
  const granted = await client.getScopes();
  const refused = new Map<string, string>();
  const wanted = (...streams: string[]): string[] =>
    streams.filter((stream) => options.streams.includes(stream) && !refused.has(stream));
  let requests = 0;
  const ask: SendRequest = (request) => {
    requests += 1;
    return client.getPage(request);
  };

  /** Asks on behalf of the wanted ones of some streams; undefined when there are none, or they may not be read. */
  async function probe<T>(streams: string[], question: () => Promise<T>): Promise<T | undefined> {
    if (wanted(...streams).length === 0) return undefined;
    try {
      return await question();
    } catch (error) {
      const { name, message, scopes } = error as { name: string; message: string; scopes?: string[] };
      if (name !== 'MissingScope' && name !== 'FeatureNotInPlan') throw error;
      for (const stream of wanted(...streams)) {
        refused.set(stream, scopes ? formatMissingScopes(listMissingScopes(stream, granted), scopes) : message);
      }
      return undefined;
    }
  }

  /** A page of an organization's members, with their roles where they come with it. */
  async function probeMembers(id: string): Promise<Page | undefined> {
    try {
      const withRoles =
        rolesSource === 'inline'
          ? await probe([memberRoles], () => ask(buildMembersRequest(id, 'user_id,roles')))
          : undefined;
      return withRoles ?? (await probe([members, memberRoles], () => ask(buildMembersRequest(id, 'user_id'))));
    } catch (error) {
      // Deleted since it was listed.
      if (error instanceof Gone) return undefined;
      throw error;
    }
  }

  const clients = await probe(['clients'], () => countList('clients', 'client_id', ask));
  const users = await probe(['users'], () => countUsers(ask, startDate));
  const list = await probe([organizations, members, memberRoles], () => listOrganizations(ask));
  let roles: number | undefined;
  if (rolesSource === 'inline' && wanted(memberRoles).length > 0) roles = await countRoles(ask);
  const sizes: number[] = [];
  const seen = { members: 0, roles: 0 };
  for (const id of pickEvenly(list?.ids ?? [], Math.min(maxProbedOrganizations, maxProbeRequests - requests))) {
    const page = requests < maxProbeRequests ? await probeMembers(id) : undefined;
    if (!page) continue;
    sizes.push(requireTotal(page, 'organizations/{id}/members'));
    if (wanted(memberRoles).length === 0) continue;
    seen.members += page.rows.length;
    for (const { roles: held } of page.rows) seen.roles += Array.isArray(held) ? held.length : 0;
  }
  if (list?.ids.length === 0) {
    // Without an organization there is no member list to ask for; the token itself may tell.
    for (const stream of wanted(members, memberRoles)) {
      const scopes = listMissingScopes(stream, granted);
      if (scopes.length > 0) refused.set(stream, formatMissingScopes(scopes, []));
    }
  }
  return {
    ...(clients !== undefined && { clients }),
    ...(users && { users }),
    ...(list && { organizations: list.total }),
    members: sizes,
    ...(rolesSource === 'inline' && seen.members > 0 && { rolesPerMember: seen.roles / seen.members }),
    roles: roles ?? 0,
    refused,
    requests,
  };
}

function buildMembersRequest(organization: string, fields: string): ListRequest {
  return {
    path: `organizations/${encodeURIComponent(organization)}/members`,
    query: { page: 0, per_page: fields === 'user_id' ? 1 : 100, include_totals: true, fields },
    list: 'members',
    key: 'user_id',
  };
}

async function countList(list: string, key: string, send: SendRequest): Promise<number> {
  const query = { page: 0, per_page: 1, include_totals: true, ...(list === 'clients' && { fields: key }) };
  return requireTotal(await send({ path: list, query, list, key }), list);
}

/** Descriptions of roles are done without when they may not be read: the attempt alone is a request. */
async function countRoles(send: SendRequest): Promise<number> {
  try {
    return await countList('roles', 'id', send);
  } catch (error) {
    if (error instanceof MissingScope) return 0;
    throw error;
  }
}

/** How many organizations there are, and some of their ids: from the first page and the last one that an offset reaches. */
async function listOrganizations(send: SendRequest): Promise<{ total: number; ids: string[] }> {
  const pageOf = (page: number): Promise<Page> => {
    const query = { page, per_page: 100, include_totals: true };
    return send({ path: organizations, query, list: organizations, key: 'id' });
  };
  const first = await pageOf(0);
  const total = requireTotal(first, organizations);
  const last = Math.min(10, Math.ceil(total / 100)) - 1;
  const rows = last > 0 ? [...first.rows, ...(await pageOf(last)).rows] : first.rows;
  return { total, ids: rows.map(({ id }) => id as string) };
}

/** At most so many of the items, as far from each other and from both ends as they can be. */
function pickEvenly<T>(items: readonly T[], max: number): T[] {
  const count = Math.min(items.length, max);
  return Array.from({ length: count }, (_, nth) => items[Math.floor(((nth + 0.5) * items.length) / count)]).filter(
    (item) => item !== undefined,
  );
}

function requireTotal({ total }: Page, path: string): number {
  if (total === undefined) throw new UnexpectedAnswer(`GET ${path}`, 'a page without a total');
  return total;
}

function formatMissingScopes(known: string[], named: string[]): string {
  return `the token lacks the scope ${known.length > 0 ? known.join(' and ') : named.join(' or ')}`;
}
