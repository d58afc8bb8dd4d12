import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, type EmulatorOptions, rateLimitPresets, type RateLimits } from 'auth0-emulator';

/** A tenant, what happens to it during a sync, and what the sync may cost. */
export interface RateLimitScenario {
  /** As in docs/benchmarks.md. */
  name: string;
  tenant: Omit<EmulatorOptions, 'rateLimits' | 'port' | 'host'>;
  limits: RateLimits;
  streams?: string[];
  /** Share of the rate limit that is left to other clients. */
  reserve: number;
  /** Worker processes; default: the process of the sync. */
  workers?: number;
  /** The process has read the tenant once before, as most workers have: the cost of its start is not measured. */
  warm?: boolean;
  /** Starts with the tenant's first request. Returns how many requests of other clients got a 429. */
  meanwhile?(tenant: Emulator): Promise<number>;
  /** Largest ratio of the time from first to last request to the minimum; absent where the minimum is unknown. */
  ratio?: number;
  /** Largest share of the requests that may get a 429. */
  refused: number;
  /** Number of measurements, of which the median counts; default 3. */
  runs?: number;
  /** The ratios of all scenarios with this are compared. */
  comparesRatios?: boolean;
  /** Loops of Auth0's SDK are measured as well. */
  comparesLoops?: boolean;
}

const { enterprise, free, essentials } = rateLimitPresets;
const bucket = { global: enterprise.global };
const halved = { global: { size: enterprise.global.size / 2, perSecond: enterprise.global.perSecond / 2 } };
const some = { clients: { count: 40 }, roles: { count: 10 } };

/** About 20 s at 16 requests a second. */
const medium = { users: { count: 30_000 }, organizations: { count: 60, members: 10 }, ...some };

export const rateLimitScenarios: readonly RateLimitScenario[] = [
  {
    name: '50 + 16/s, 50 ms, 5,000 users',
    tenant: {
      scenario: { users: { count: 5_000 }, organizations: { count: 60, members: 10 }, ...some },
      latencyMs: 50,
    },
    limits: bucket,
    reserve: 0,
    ratio: 1.05,
    refused: 0,
    comparesLoops: true,
  },
  ...[20, 100, 500].map((latencyMs) => ({
    name: `50 + 16/s, ${latencyMs} ms, 100,000 users`,
    tenant: { scenario: { ...medium, users: { count: 100_000 } }, latencyMs },
    limits: bucket,
    reserve: 0,
    refused: 0,
    runs: 1,
    comparesRatios: true,
  })),
  {
    name: '2 + 2/s, small',
    tenant: { scenario: 'small', latencyMs: 50 },
    limits: { global: free.global },
    reserve: 0,
    ratio: 1.05,
    refused: 0,
    comparesLoops: true,
  },
  {
    name: 'by endpoint and minute (Essentials)',
    tenant: {
      scenario: { users: { count: 30_000 }, organizations: { count: 210, members: 10 }, ...some },
      latencyMs: 50,
    },
    limits: essentials,
    reserve: 0,
    ratio: 1.08,
    refused: 0,
    comparesLoops: true,
  },
  {
    name: 'another client takes half for 10 s',
    tenant: { scenario: medium, latencyMs: 50 },
    limits: bucket,
    reserve: 0.1,
    meanwhile: (tenant) => runOtherClient(tenant, { afterMs: 5_000, forMs: 10_000, everyMs: 125 }),
    refused: 0.01,
  },
  {
    name: 'the bucket halves during the sync',
    tenant: { scenario: medium, latencyMs: 50 },
    limits: bucket,
    reserve: 0.1,
    async meanwhile(tenant: Emulator): Promise<number> {
      await sleep(7_000);
      tenant.updateSettings({ rateLimits: halved });
      return 0;
    },
    refused: 0.02,
  },
  ...(
    [
      ['headers are missing', { rateLimitHeaders: 'absent' }],
      ['headers are ten responses old', { rateLimitHeaders: 'stale' }],
      ['the clock is 5 min ahead', { clockAheadMs: 300_000 }],
      ['the clock is 5 min behind', { clockAheadMs: -300_000 }],
    ] as const
  ).map(([name, lie]) => ({
    name,
    tenant: { scenario: { ...medium, users: { count: 60_000 } }, latencyMs: 50, ...lie },
    limits: bucket,
    reserve: 0.1,
    refused: 0.02,
  })),
  {
    name: 'two workers',
    tenant: { scenario: medium, latencyMs: 50 },
    limits: bucket,
    reserve: 0.1,
    workers: 2,
    ratio: 1.1,
    refused: 0.01,
  },
];

/** Without a rate limit, the time is compared with a loop without Temporal. */
export const noLimitScenario: RateLimitScenario = {
  name: 'no limit, 20 ms',
  tenant: {
    scenario: { users: { count: 10_000 }, organizations: { count: 200, members: 10 }, ...some },
    latencyMs: 20,
  },
  limits: rateLimitPresets.unlimited,
  reserve: 0,
  refused: 0,
};

/** Without a rate limit and latency, processor time is compared. */
export const noLatencyScenario: RateLimitScenario = {
  name: 'no limit, no latency, 100,000 users',
  tenant: {
    scenario: { users: { count: 100_000 }, organizations: { count: 0 }, clients: { count: 0 }, roles: { count: 0 } },
  },
  limits: rateLimitPresets.unlimited,
  streams: ['users'],
  reserve: 0,
  refused: 0,
};

/**
 * Sends requests as another application of the tenant.
 * @returns how many of its requests got a 429
 */
export async function runOtherClient(
  { url, clientId, clientSecret }: Emulator,
  { afterMs, forMs, everyMs }: { afterMs: number; forMs: number; everyMs: number },
): Promise<number> {
  const grant = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const answer = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...grant, audience: `${url}/api/v2/` }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  await sleep(afterMs);
  const statuses: Promise<number>[] = [];
  for (const end = Date.now() + forMs; Date.now() < end; await sleep(everyMs)) {
    const response = fetch(`${url}/api/v2/roles?per_page=1`, { headers: { authorization: `Bearer ${token}` } });
    statuses.push(response.then(async (each) => (await each.arrayBuffer(), each.status)));
  }
  return (await Promise.all(statuses)).filter((status) => status === 429).length;
}
