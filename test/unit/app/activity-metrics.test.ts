import type { FetchResult } from '../../../src/activities/fetch-contract';
import type { Tenants } from '../../../src/activities/tenants';
import { createMetricsObserver, observeFetch, observeSink, recordLimits } from '../../../src/app/activity-metrics';
import type { BucketSnapshot } from '../../../src/auth0/rate-limit/token-bucket';
import type { Meter } from '../../../src/metrics/metrics';
import { zeroCounts } from '../../../src/streams/counts';
import { configureStream } from '../../../src/streams/registry';

/** A meter that keeps the value of each metric, by name and labels. */
function createRecordingMeter(): { meter: Meter; values: Record<string, number> } {
  const values: Record<string, number> = {};
  const toKey = (metric: string, labels: object): string => [metric, ...Object.values(labels)].join(' ');
  const meter: Meter = {
    add: (metric, labels, by = 1) => (values[toKey(metric, labels)] = (values[toKey(metric, labels)] ?? 0) + by),
    set: (metric, labels, value) => (values[toKey(metric, labels)] = value),
    record: (metric, labels, value) => (values[toKey(metric, labels)] = value),
  };
  return { meter, values };
}

const createBucket = (name: string, limit: number, remaining: number): BucketSnapshot & { name: string } => ({
  name,
  limit,
  remaining,
  perSecond: 0,
  foreignPerSecond: 0,
});

it('counts requests by route and status class, and starts rare counters at 0', () => {
  const { meter, values } = createRecordingMeter();
  const observer = createMetricsObserver(meter, 'acme');
  expect(values).toEqual({ 'rateLimited acme': 0, 'waitingUntil acme': 0 });
  for (const status of [200, 204, 302, 404, 429, 503, undefined]) observer.onRequestEnd('GET users', status);
  observer.onRequestEnd('POST /oauth/token', 200);
  observer.onWaitEnd('rateLimit', 9);
  observer.onWaitEnd('retry', 2_500);
  expect(values).toEqual({
    'requests acme users 2xx': 2,
    'requests acme users 3xx': 1,
    'requests acme users 4xx': 1,
    'requests acme users 429': 1,
    'requests acme users 5xx': 1,
    'requests acme users none': 1,
    'requests acme oauth/token 2xx': 1,
    'rateLimited acme': 1,
    'waitingUntil acme': 0,
    'waits acme failure': 2.5,
  });
});

it('counts rows of streams but not of indexes, and records a long wait', async () => {
  const { meter, values } = createRecordingMeter();
  const segment = (stream: string, records: number) => ({ stream, records, file: 'run/x.1.y.jsonl', bytes: 1 });
  const waitUntil = Date.now() + 60_000;
  const result: FetchResult = {
    cursor: null,
    done: false,
    segments: [segment('organization_members', 7), segment('organization_member_roles', 3), segment('roles', 5)],
    counts: { ...zeroCounts, pages: 4 },
    concurrency: 1,
    waitUntil,
  };
  const activities = observeFetch({ fetchPages: async () => result, discardRun: async () => undefined }, meter);
  const streams = ['organization_members', 'organization_member_roles'];
  const input = { connection: 'acme', task: { kind: 'children', streams } };
  expect(await activities.fetchPages(input as never)).toBe(result);
  const { 'waits acme long_limit': wait, 'fetches organization_members': seconds, ...counts } = values;
  expect(counts).toEqual({
    'pages acme organization_members': 4,
    'rows acme organization_members': 7,
    'rows acme organization_member_roles': 3,
    'waitingUntil acme': waitUntil / 1_000,
  });
  expect(wait).toBeGreaterThan(50);
  expect(seconds).toBeLessThan(50);
});

it('reports the bucket in use when two have the same name', () => {
  const { meter, values } = createRecordingMeter();
  const buckets = [createBucket('tenant', 50, 3), createBucket('tenant', 100, 100), createBucket('users', 40, 40)];
  const listLimits: Tenants['listLimits'] = () => [['acme', { buckets, concurrency: 1, inflight: 0, waiting: 0 }]];
  recordLimits(meter, { listLimits } as Tenants);
  expect(values).toEqual({
    'tokens acme tenant': 3,
    'bucketSize acme tenant': 50,
    'tokens acme users': 40,
    'bucketSize acme users': 40,
  });
});

it('reports the cursor of loaded and of delivered states, and no other field', async () => {
  const { meter, values } = createRecordingMeter();
  const delivered = { updated_at: '2026-02-01T00:00:00.000Z', rollcall: { records: 1 } };
  const activities = observeSink(
    {
      loadState: async () => ({
        users: { state: { updated_at: '2026-01-01T00:00:00.000Z' } },
        clients: { state: { rollcall: {} } },
      }),
      deliver: async () => undefined,
      conclude: async () => undefined,
    },
    meter,
  );
  await activities.loadState({ connection: 'acme' });
  expect(values).toEqual({ 'cursor acme users': Date.UTC(2026, 0, 1) / 1_000 });
  const stream = configureStream({ name: 'users', syncMode: 'incremental', destinationSyncMode: 'append' });
  const segments = [{ stream: 'users', records: 4, file: 'run/x.1.users.jsonl', bytes: 1 }];
  await activities.deliver({
    connection: 'acme',
    delivery: { run: 'r', stream, sequence: 1, segments, state: delivered },
  });
  expect(values).toMatchObject({ 'cursor acme users': Date.UTC(2026, 1, 1) / 1_000, 'delivered acme users': 4 });
});
