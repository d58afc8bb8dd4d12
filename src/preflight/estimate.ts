import { getDocumentedRefill } from '../auth0/rate-limit/endpoint-groups';
import type { PacerSnapshot } from '../auth0/rate-limit/pacer';
import type { RolesSource } from '../streams/fetch-task';
import type { ProbeResult } from './probe';
import type { Estimate } from './user-count';

/** Rows that Auth0 sends in one answer at most. */
const maxPageRows = 100;
/** Rows that a search shows; more of them take another search. */
export const maxSearchRows = 1_000;

/** What a tenant holds, as far as the number of requests depends on it. */
export interface TenantSize {
  clients: number;
  /** Users that have the timestamp they are read by. */
  users: number;
  /** Users that lack it: only a search of their own finds them. */
  usersWithoutTimestamp: number;
  /** Sizes of the blocks of users that share one instant and are more than a search shows. */
  ties: number[];
  organizations: number;
  /** Members of each organization. */
  members: number[];
  /** Roles of the tenant. */
  roles: number;
  /** Organizations whose members hold roles that it owns, which the list of roles does not show: how many are held, of how many. */
  organizationRoles: { assigned: number; owned: number }[];
}

/** Requests by what is asked for; members and their roles come from the same requests. */
export interface RequestCounts {
  clients: number;
  users: number;
  organizations: number;
  members: number;
  roles: number;
}

/**
 * The least number of requests that a full refresh can be made with. Page sizes and caps are Auth0's:
 * https://auth0.com/docs/manage-users/user-search/view-search-results-by-page
 *
 * - A list takes a request for each page, and one when it is empty.
 * - Users take a request for each page; a row for each further search of 1,000, which begins where the last one ended; one
 *   to see that nothing follows; and those for the users that no range finds, one at least. A tie that no search shows as
 *   a whole is read in parts, each with a last page of its own.
 * - Roles that an organization owns take a request each, or those for the list of them, whichever are fewer.
 */
export function countLeastRequests(size: TenantSize): RequestCounts {
  const overlap = Math.ceil(size.users / maxSearchRows) - 1;
  const parts = size.ties.reduce((sum, size) => sum + Math.ceil(size / maxSearchRows), 0);
  return {
    clients: countPages(size.clients),
    users:
      Math.ceil((size.users + Math.max(0, overlap)) / maxPageRows) + parts + 1 + countPages(size.usersWithoutTimestamp),
    organizations: countPages(size.organizations),
    members: size.members.reduce((sum, size) => sum + countPages(size), 0),
    roles: size.organizationRoles.reduce(
      (sum, each) => sum + Math.min(each.assigned, countPages(each.owned)),
      countPages(size.roles),
    ),
  };
}

/**
 * The least number of requests for the users of an incremental run: one for each page of those that have changed, and one
 * for each page of those that lack the timestamp.
 */
export function countLeastRequestsForChanges(changed: number, without: number): number {
  return Math.ceil(changed / maxPageRows) + countPages(without);
}

function countPages(rows: number): number {
  return Math.max(1, Math.ceil(rows / maxPageRows));
}

/** What a full read of a stream costs. */
export interface StreamPlan {
  stream: string;
  /** Absent when nothing tells. */
  rows?: Estimate;
  /** The least; a run makes up to 3 % more, and five. */
  requests: number;
  /** Its part of the time that its limit takes, at the least rate that is known; absent when the tenant names no limit. */
  seconds?: number;
  /** Why it can't be read; all else is 0 then. */
  refused?: string;
}

export interface ReadPlan {
  streams: StreamPlan[];
  requests: number;
  /** From the first request to the last; less than the streams' together when they draw on different limits. */
  seconds?: number;
  /** As far as the headers have told. */
  limits: UsableLimit[];
  /** Requests that the plan was made with. */
  requestsSpent: number;
  /** Organizations whose members were counted. */
  organizationsCounted: number;
}

/** One of the tenant's limits, less the reserve: `burst` requests at once, then `perSecond` at least. */
export interface UsableLimit {
  /** What is limited: a group of endpoints, or `tenant` for all. */
  name: string;
  burst: number;
  perSecond: number;
}

export interface PlanOptions {
  /** Those that are wanted, in the order of the tables. */
  streams: readonly string[];
  rolesSource: RolesSource;
  /** Part of each limit that is left to the tenant's own traffic, 0 to 0.9. */
  reserve: number;
  buckets: PacerSnapshot['buckets'];
}

/** Requests of a stream by the group of endpoints that limits them; see src/auth0/rate-group.ts. */
type RequestsByGroup = Partial<
  Record<'clients' | 'users' | 'organizations' | 'members' | 'memberRoles' | 'others', number>
>;

/** What a full read of the streams costs, from what the probes have found. */
export function estimateReadPlan(
  probed: ProbeResult,
  { streams, rolesSource, reserve, buckets }: PlanOptions,
): ReadPlan {
  const { refused } = probed;
  const readable = streams.filter((stream) => !refused.has(stream));
  const works = countRequestsByStream(probed, readable, rolesSource);
  const limits = buckets.map(({ name, limit, perSecond }): UsableLimit => {
    // So few requests show only that it is not less than so much, and less than is documented it is not.
    return {
      name,
      burst: limit - Math.floor(limit * reserve),
      perSecond: Math.max(perSecond, getDocumentedRefill(limit)),
    };
  });
  const { total, byStream } = estimateSeconds(works, limits);
  const rows = estimateRows(probed);
  const planned = streams.map((stream): StreamPlan => {
    const why = refused.get(stream);
    if (why !== undefined) return { stream, requests: 0, refused: why };
    const held = rows(stream);
    const seconds = byStream.get(stream);
    return {
      stream,
      ...(held && { rows: held }),
      requests: sum(Object.values(works.get(stream) ?? {})),
      ...(seconds !== undefined && { seconds: roundToTenth(seconds) }),
    };
  });
  return {
    streams: planned,
    requests: sum(planned.map(({ requests }) => requests)),
    ...(total !== undefined && { seconds: roundToTenth(total) }),
    limits,
    requestsSpent: probed.requests,
    organizationsCounted: probed.members.length,
  };
}

/** Members of each organization, those that were not looked at taken to be like those beside them. */
function estimateMemberCounts({ members, organizations = 0 }: ProbeResult): number[] {
  if (members.length === 0) return Array.from({ length: organizations }, () => 0);
  return Array.from(
    { length: organizations },
    (_, place) => members[Math.floor((place * members.length) / organizations)] ?? 0,
  );
}

/** Members and roles come from the same requests, which count for the first of the streams that need them. */
function countRequestsByStream(
  probed: ProbeResult,
  streams: readonly string[],
  rolesSource: RolesSource,
): Map<string, RequestsByGroup> {
  const { clients = 0, users, organizations = 0, roles } = probed;
  const members = estimateMemberCounts(probed);
  const size: TenantSize = {
    clients,
    users: users?.likely ?? 0,
    usersWithoutTimestamp: 0,
    ties: [],
    organizations,
    members,
    roles,
    organizationRoles: [],
  };
  const least = countLeastRequests(size);
  const ownWork: Record<string, RequestsByGroup> = {
    clients: { clients: least.clients },
    users: { users: least.users },
    organization_member_roles: rolesSource === 'inline' ? { others: least.roles } : { memberRoles: sum(members) },
  };
  const works = new Map(streams.map((stream) => [stream, { ...ownWork[stream] }]));
  const family = streams.filter((stream) => stream.startsWith('organization'));
  const [first] = family;
  const [reader] = family.filter((stream) => stream !== 'organizations');
  if (first !== undefined) Object.assign(works.get(first) ?? {}, { organizations: least.organizations });
  if (reader !== undefined) Object.assign(works.get(reader) ?? {}, { members: least.members });
  return works;
}

function estimateRows(probed: ProbeResult): (stream: string) => Estimate | undefined {
  const { clients, users, organizations, rolesPerMember } = probed;
  const exactly = (count: number | undefined): Estimate | undefined =>
    count === undefined ? undefined : { likely: count, low: count, high: count };
  const seen = sum(probed.members);
  const unseen = (organizations ?? 0) - probed.members.length;
  const members =
    organizations === undefined || (probed.members.length === 0 && unseen > 0)
      ? undefined
      : { likely: sum(estimateMemberCounts(probed)), low: seen, high: seen + unseen * Math.max(0, ...probed.members) };
  const times = ({ likely, low, high }: Estimate, factor: number): Estimate => ({
    likely: Math.round(likely * factor),
    low: Math.round(low * factor),
    high: Math.round(high * factor),
  });
  const rows: Record<string, Estimate | undefined> = {
    clients: exactly(clients),
    users,
    organizations: exactly(organizations),
    organization_members: members,
    organization_member_roles:
      members && (rolesPerMember !== undefined || members.high === 0) ? times(members, rolesPerMember ?? 0) : undefined,
  };
  return (stream) => rows[stream];
}

/**
 * Streams that draw on one limit share the time that it takes; limits run side by side. A request draws on the limit of
 * its group and on that of the tenant.
 */
function estimateSeconds(
  requestsByStream: ReadonlyMap<string, RequestsByGroup>,
  limits: readonly UsableLimit[],
): { total?: number; byStream: Map<string, number> } {
  const byStream = new Map<string, number>();
  if (limits.length === 0) return { byStream };
  let total = 0;
  for (const { name, burst, perSecond } of limits) {
    const drawn = [...requestsByStream].map(([stream, work]): [string, number] => {
      return [stream, name === 'tenant' ? sum(Object.values(work)) : (work[name as keyof RequestsByGroup] ?? 0)];
    });
    const requests = sum(drawn.map(([, count]) => count));
    const seconds = Math.max(0, requests - burst) / perSecond;
    total = Math.max(total, seconds);
    for (const [stream, count] of drawn) {
      const part = requests === 0 ? 0 : (seconds * count) / requests;
      byStream.set(stream, Math.max(byStream.get(stream) ?? 0, part));
    }
  }
  return { total, byStream };
}

function roundToTenth(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
