import { type Emulator, type EmulatorOptions, rateLimitPresets, type RateLimits } from 'auth0-emulator';
import { useTenant } from './other-client';

/** A tenant, what happens to it while it is read, and what a sync of it may cost. */
export interface LimitScenario {
  name: string;
  tenant: Omit<EmulatorOptions, 'rateLimits' | 'port' | 'host'>;
  limits: RateLimits;
  streams?: string[];
  /** Part of the buckets that is left to others. */
  reserve: number;
  /** Processes that work on it; default one, which ends with the sync. */
  workers?: number;
  /** Each reader is a process that has read the tenant once before, as a worker mostly has: what its start costs is left out. */
  warm?: boolean;
  /** Answers how many requests of others were refused. Begins when the tenant has had its first request. */
  meanwhile?(tenant: Emulator): Promise<number>;
  /** Most of first to last request to the least there is; absent where that is not known. */
  ratio?: number;
  /** Largest part of the requests that may meet a 429. */
  refused: number;
  /** Measurements, of which the median counts; default 3. */
  runs?: number;
  /** The ratio is held against those of the others that have this. */
  spread?: boolean;
  /** The same work is measured by loops of Auth0's own SDK as well. */
  besideLoops?: boolean;
}

const { enterprise, free, essentials } = rateLimitPresets;
const bucket = { global: enterprise.global };
const halved = { global: { size: enterprise.global.size / 2, perSecond: enterprise.global.perSecond / 2 } };
const some = { clients: { count: 40 }, roles: { count: 10 } };

/** About 20 s at 16 requests a second. */
const medium = { users: { count: 30_000 }, organizations: { count: 60, members: 10 }, ...some };

export const LIMIT_SCENARIOS: readonly LimitScenario[] = [
  {
    name: '50 + 16/s, 50 ms',
    tenant: {
      scenario: { users: { count: 5_000 }, organizations: { count: 60, members: 10 }, ...some },
      latencyMs: 50,
    },
    limits: bucket,
    reserve: 0,
    ratio: 1.05,
    refused: 0,
    besideLoops: true,
  },
  ...[20, 100, 500].map((latencyMs) => ({
    name: `50 + 16/s, ${latencyMs} ms, 100,000 users`,
    tenant: { scenario: { ...medium, users: { count: 100_000 } }, latencyMs },
    limits: bucket,
    reserve: 0,
    refused: 0,
    runs: 1,
    spread: true,
  })),
  {
    name: '2 + 2/s, small',
    tenant: { scenario: 'small', latencyMs: 50 },
    limits: { global: free.global },
    reserve: 0,
    ratio: 1.05,
    refused: 0,
    besideLoops: true,
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
    besideLoops: true,
  },
  {
    name: 'another client takes half for 10 s',
    tenant: { scenario: medium, latencyMs: 50 },
    limits: bucket,
    reserve: 0.1,
    meanwhile: (tenant) => useTenant(tenant, { afterMs: 5_000, forMs: 10_000, everyMs: 125 }),
    refused: 0.01,
  },
  {
    name: 'the bucket halves on the way',
    tenant: { scenario: medium, latencyMs: 50 },
    limits: bucket,
    reserve: 0.1,
    async meanwhile(tenant: Emulator): Promise<number> {
      await new Promise((resolve) => setTimeout(resolve, 7_000));
      tenant.updateSettings({ rateLimits: halved });
      return 0;
    },
    refused: 0.02,
  },
  ...(
    [
      ['headers are missing', { rateLimitHeaders: 'absent' }],
      ['headers are ten answers old', { rateLimitHeaders: 'stale' }],
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

/** Without a limit, seconds are held against a loop that does the same without Temporal. */
export const UNLIMITED: LimitScenario = {
  name: 'no limit, 20 ms',
  tenant: {
    scenario: { users: { count: 10_000 }, organizations: { count: 200, members: 10 }, ...some },
    latencyMs: 20,
  },
  limits: rateLimitPresets.unlimited,
  reserve: 0,
  refused: 0,
};

/** Without a limit or a latency, processor time is. */
export const UNBOUND: LimitScenario = {
  name: 'no limit, no latency, 100,000 users',
  tenant: {
    scenario: { users: { count: 100_000 }, organizations: { count: 0 }, clients: { count: 0 }, roles: { count: 0 } },
  },
  limits: rateLimitPresets.unlimited,
  streams: ['users'],
  reserve: 0,
  refused: 0,
};
