import { getDocumentedRefill } from '../auth0/rate-limit/endpoint-groups';
import type { PacerSnapshot } from '../auth0/rate-limit/pacer';
import { maxSearchRows, searchPageSize } from '../auth0/paging/user-search';
import { defined } from '../json';
import type { RolesSource } from '../streams/fetch-task';
import type { ProbeResult } from './probe';
import { type Estimate, sum } from './user-count';

/** The cost of a full refresh of a stream. */
export interface StreamPlan {
  stream: string;
  /** Absent when unknown. */
  rows?: Estimate;
  /** The minimum; a sync sends up to 3 % more, plus five. */
  requests: number;
  /** Its share of the time that its rate limit takes, at the lowest observed rate; absent without a rate limit. */
  seconds?: number;
  /** Why it cannot be read; everything else is 0 then. */
  refused?: string;
}

export interface ReadPlan {
  streams: StreamPlan[];
  requests: number;
  /** From the first request to the last; less than the sum of the streams when they have different limits. */
  seconds?: number;
  /** As reported in headers so far. */
  limits: UsableLimit[];
  /** Requests that the estimate took. */
  requestsSpent: number;
  /** Sampled organizations. */
  organizationsCounted: number;
}

/** One of the tenant's rate limits, less the reserve: `burst` requests at once, then at least `perSecond`. */
export interface UsableLimit {
  /** A group of endpoints, or `tenant` for all of them. */
  name: string;
  burst: number;
  perSecond: number;
}

export interface PlanOptions {
  /** Names of the selected streams, in the order of the result. */
  streams: readonly string[];
  rolesSource: RolesSource;
  /** Fraction of each limit that is left to other applications, 0 to 0.9. */
  reserve: number;
  buckets: PacerSnapshot['buckets'];
}

/** Requests of a stream by rate limit group; see auth0/rate-limit/endpoint-groups.ts. */
type RequestsByGroup = Partial<
  Record<'clients' | 'users' | 'organizations' | 'members' | 'memberRoles' | 'others', number>
>;

/** Estimates a full refresh of the streams from the result of a probe. */
export function estimateReadPlan(
  probed: ProbeResult,
  { streams, rolesSource, reserve, buckets }: PlanOptions,
): ReadPlan {
  const { refused } = probed;
  const readable = streams.filter((stream) => !refused.has(stream));
  const requestsByStream = countRequestsByStream(probed, readable, rolesSource);
  const limits = buckets.map(({ name, limit, perSecond }): UsableLimit => ({
    name,
    burst: limit - Math.floor(limit * reserve),
    // A few requests show only a lower bound of the refill; the documented one is another.
    perSecond: Math.max(perSecond, getDocumentedRefill(limit)),
  }));
  const { total, byStream } = estimateSeconds(requestsByStream, limits);
  const rows = estimateRows(probed);
  const planned = streams.map((stream): StreamPlan => {
    const reason = refused.get(stream);
    if (reason !== undefined) return { stream, requests: 0, refused: reason };
    return {
      stream,
      requests: sum(Object.values(requestsByStream.get(stream) ?? {})),
      ...defined({ rows: rows[stream], seconds: roundToTenth(byStream.get(stream)) }),
    };
  });
  return {
    streams: planned,
    requests: sum(planned.map(({ requests }) => requests)),
    ...defined({ seconds: roundToTenth(total) }),
    limits,
    requestsSpent: probed.requests,
    organizationsCounted: probed.members.length,
  };
}

/** Members of each organization. One that was not sampled counts as the nearest sampled one. */
function estimateMemberCounts({ members, organizations = 0 }: ProbeResult): number[] {
  const nearest = (index: number): number => members[Math.floor((index * members.length) / organizations)] ?? 0;
  return Array.from({ length: organizations }, (_, index) => nearest(index));
}

/** Requests that several streams share count for the first of them. */
function countRequestsByStream(
  probed: ProbeResult,
  streams: readonly string[],
  rolesSource: RolesSource,
): Map<string, RequestsByGroup> {
  const { clients = 0, users, organizations = 0, roles } = probed;
  const members = estimateMemberCounts(probed);
  const ownRequests: Record<string, RequestsByGroup> = {
    clients: { clients: countPages(clients) },
    users: { users: countUserRequests(users?.likely ?? 0) },
    organization_member_roles: rolesSource === 'inline' ? { others: countPages(roles) } : { memberRoles: sum(members) },
  };
  const byStream = new Map(streams.map((stream) => [stream, { ...ownRequests[stream] }]));
  const addToFirst = (prefix: string, requests: RequestsByGroup): void => {
    const first = streams.find((stream) => stream.startsWith(prefix));
    if (first !== undefined) Object.assign(byStream.get(first) ?? {}, requests);
  };
  addToFirst('organization', { organizations: countPages(organizations) });
  addToFirst('organization_', { members: sum(members.map(countPages)) });
  return byStream;
}

function countPages(rows: number): number {
  return Math.max(1, Math.ceil(rows / searchPageSize));
}

/**
 * The requests of a user search: each further search of 1,000 rows repeats the last row of the one before; one request finds
 * no more rows, and one finds no users without a timestamp.
 */
function countUserRequests(users: number): number {
  const repeated = Math.max(0, Math.ceil(users / maxSearchRows) - 1);
  return Math.ceil((users + repeated) / searchPageSize) + 2;
}

function estimateRows(probed: ProbeResult): Record<string, Estimate | undefined> {
  const { clients, users, organizations, rolesPerMember } = probed;
  const exactly = (count: number | undefined): Estimate | undefined =>
    count === undefined ? undefined : { likely: count, low: count, high: count };
  const sampled = sum(probed.members);
  const unsampled = (organizations ?? 0) - probed.members.length;
  const members =
    organizations === undefined || (probed.members.length === 0 && unsampled > 0)
      ? undefined
      : {
          likely: sum(estimateMemberCounts(probed)),
          low: sampled,
          high: sampled + unsampled * Math.max(0, ...probed.members),
        };
  const times = ({ likely, low, high }: Estimate, factor: number): Estimate => ({
    likely: Math.round(likely * factor),
    low: Math.round(low * factor),
    high: Math.round(high * factor),
  });
  return {
    clients: exactly(clients),
    users,
    organizations: exactly(organizations),
    organization_members: members,
    organization_member_roles:
      members && (rolesPerMember !== undefined || members.high === 0) ? times(members, rolesPerMember ?? 0) : undefined,
  };
}

/**
 * The time that each rate limit takes. Streams share the time of a common limit; different limits pass concurrently. A
 * request counts against the limit of its group and against that of the tenant.
 */
function estimateSeconds(
  requestsByStream: ReadonlyMap<string, RequestsByGroup>,
  limits: readonly UsableLimit[],
): { total?: number; byStream: Map<string, number> } {
  const byStream = new Map<string, number>();
  if (limits.length === 0) return { byStream };
  let total = 0;
  for (const { name, burst, perSecond } of limits) {
    const drawn = [...requestsByStream].map(([stream, byGroup]): [string, number] => [
      stream,
      name === 'tenant' ? sum(Object.values(byGroup)) : (byGroup[name as keyof RequestsByGroup] ?? 0),
    ]);
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

function roundToTenth(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 10) / 10;
}
