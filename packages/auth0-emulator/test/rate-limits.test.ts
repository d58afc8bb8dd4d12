import { createTenantBuckets } from '../src/tenant-buckets';
import { rateLimitPresets } from '../src/rate-limits';
import { type Emulator, type EmulatorOptions, startEmulator } from '../src/server';
import { type Reply, visit } from './visitor';

/** The times of the allowed requests when one is sent each ms. */
function drain(limits: Parameters<typeof createTenantBuckets>[0], group: 'users' | 'members', ms: number): number[] {
  const buckets = createTenantBuckets(limits);
  return Array.from({ length: ms }, (_, now) => now).filter((now) => buckets.charge(group, now).allowed);
}

it('allows a burst, then one request per refilled token', () => {
  expect(drain({ global: { size: 3, perSecond: 4 } }, 'users', 1_001)).toEqual([0, 1, 2, 250, 500, 750, 1_000]);
});

it('refills a bucket per minute once a second', () => {
  expect(drain({ groups: { members: { size: 2, perMinute: 90 } } }, 'members', 3_002)).toEqual([
    0, 1, 1_000, 2_000, 2_001, 3_000,
  ]);
});

it('never allows more than burst and refill, with any preset', () => {
  const { global, groups } = rateLimitPresets.enterprise;
  const all = drain({ global, groups }, 'users', 10_000).length;
  const members = drain({ global, groups }, 'members', 10_000).length;
  expect(all).toBe(50 + 159);
  expect(members).toBe(40 + Math.floor((9 * 500) / 60));
});

it('reports the scarcest bucket and the second at which it is full', () => {
  const buckets = createTenantBuckets({
    global: { size: 10, perSecond: 2 },
    groups: { members: { size: 3, perMinute: 60 } },
  });
  expect(buckets.charge('members', 10_000).level).toMatchObject({ limit: 3, remaining: 2, reset: 11 });
  expect(buckets.charge('users', 10_100).level).toMatchObject({ limit: 10, remaining: 8, reset: 11 });
  expect(buckets.charge('users', 10_100).level).toMatchObject({ limit: 10, remaining: 7, reset: 12 });
  buckets.charge('members', 10_200);
  expect(buckets.charge('members', 10_200).level).toMatchObject({ limit: 3, remaining: 0, reset: 14 });
  expect(buckets.charge('members', 10_300)).toMatchObject({ allowed: false, level: { remaining: 0 } });
});

describe('over HTTP', () => {
  let emulator: Emulator;
  let time = 1_790_000_000_000;

  async function start(rateLimits: NonNullable<EmulatorOptions['rateLimits']>, more: Partial<EmulatorOptions> = {}) {
    emulator = await startEmulator({ scenario: 'small', rateLimits, now: () => time, ...more });
    return visit(emulator);
  }
  afterEach(() => emulator.close());

  const readLevel = ({ headers }: Reply): number[] =>
    ['limit', 'remaining', 'reset'].map((name) => Number(headers.get(`x-ratelimit-${name}`)));

  it('reports the bucket in every response and rejects requests above it', async () => {
    const { get } = await start('free');
    const second = time / 1_000;
    expect(readLevel(await get('roles'))).toEqual([2, 1, second + 1]);
    expect(readLevel(await get('roles/rol_x'))).toEqual([2, 0, second + 1]);
    const refused = await get('users');
    expect(refused.status).toBe(429);
    expect(readLevel(refused)).toEqual([2, 0, second + 1]);
    expect(refused.headers.has('retry-after')).toBe(false);
    expect(refused.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Global limit has been reached',
      errorCode: 'too_many_requests',
    });
    time += 500;
    expect((await get('users')).status).toBe(200);
    expect(emulator.readStatistics().rateLimited).toBe(1);
  });

  it('sends Retry-After if configured', async () => {
    const { get } = await start({ global: { size: 1, perSecond: 0.25 } }, { sendRetryAfter: true });
    await get('roles');
    time += 1_000;
    expect((await get('roles')).headers.get('retry-after')).toBe('3');
  });

  it('has a bucket per endpoint group on the smaller plans', async () => {
    const { get } = await start('essentials');
    for (let nth = 0; nth < 5; nth += 1) expect((await get('organizations')).status).toBe(200);
    expect((await get('organizations')).status).toBe(429);
    expect(readLevel(await get('clients')).slice(0, 2)).toEqual([5, 4]);
    expect(readLevel(await get('users')).slice(0, 2)).toEqual([40, 39]);
    expect(readLevel(await get('roles')).slice(0, 2)).toEqual([10, 9]);
  });

  it('sends the headers also without a limit', async () => {
    const { get } = await start('unlimited');
    const [limit = 0, remaining = 0] = readLevel(await get('roles'));
    expect(limit).toBeGreaterThan(100_000);
    expect(remaining).toBe(limit - 1);
  });

  it('accepts new limits while it runs, and keeps the content of a bucket up to its new size', async () => {
    const { get } = await start({ global: { size: 10, perSecond: 1 } });
    for (let nth = 0; nth < 3; nth += 1) await get('roles');
    emulator.updateSettings({ rateLimits: { global: { size: 5, perSecond: 1 } } });
    expect(readLevel(await get('roles')).slice(0, 2)).toEqual([5, 4]);
    emulator.updateSettings({ rateLimits: { global: { size: 20, perSecond: 1 } } });
    expect(readLevel(await get('roles')).slice(0, 2)).toEqual([20, 3]);
  });

  it('sends stale or no headers, and a clock offset, if configured', async () => {
    const { get } = await start({ global: { size: 50, perSecond: 1 } }, { rateLimitHeaders: 'stale' });
    const remaining: number[] = [];
    for (let nth = 0; nth < 13; nth += 1) remaining.push(readLevel(await get('roles'))[1] ?? NaN);
    expect(remaining).toEqual([49, 49, 49, 49, 49, 49, 49, 49, 49, 49, 49, 48, 47]);
    emulator.updateSettings({ rateLimitHeaders: 'absent' });
    expect((await get('roles')).headers.has('x-ratelimit-remaining')).toBe(false);

    emulator.updateSettings({ rateLimitHeaders: 'current', clockAheadMs: 300_000 });
    const answer = await get('roles');
    expect(Date.parse(answer.headers.get('date') ?? '')).toBe(Math.floor(time / 1_000) * 1_000 + 300_000);
    expect(readLevel(answer)).toEqual([50, 35, Math.ceil(time / 1_000) + 315]);
  });
});
