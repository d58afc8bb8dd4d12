import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { BadCredentials } from '../../../src/auth0/errors';
import { cancelSync, NoRun, pauseSync, resumeSync, SyncCancelled } from '../../../src/temporal/sync-run';
import { expectPromisesKept, expectWhole } from '../../support/expect-copy';
import { full, openStage, type Playing, type Stage } from '../../support/test-environment';

jest.setTimeout(60_000);

const all = ['clients', 'users', 'organizations', 'organization_members'] as const;
const limits = {
  fetchBudget: { pages: 300, seconds: 60, bytes: 1e9 },
  concurrency: { min: 2, max: 2 },
  parentsPerBatch: 250,
};

let stage: Stage;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 6_000 },
      clients: { count: 350 },
      organizations: { count: 250, members: 3 },
      roles: { count: 2 },
    },
    latencyMs: 60,
  });
  stage = await openStage();
}, 60_000);
afterEach(() => {
  tenant.resetStatistics();
});
afterAll(async () => {
  await stage.close();
  await tenant.close();
});

const connectionOf = ({ run }: Playing): string => run.workflowId.replace('sync/', '');

/** Resolves when the tenant has been asked so often. */
async function asked(requests: number): Promise<void> {
  for (let tries = 0; tenant.readStatistics().requests < requests && tries < 1_000; tries += 1) await sleep(10);
}

/** Requests once none has come for a second. */
async function stillness(): Promise<number> {
  for (let before = -1, tries = 0; tries < 20; tries += 1) {
    const { requests } = tenant.readStatistics();
    if (requests === before) return requests;
    before = requests;
    await sleep(1_000);
  }
  throw new Error('the tenant is asked all the time');
}

it('a paused run stops at its pages, says why, and goes on when it is resumed; little is read twice', async () => {
  const { client } = stage.temporal;
  const playing = await stage.begin({ tenant, streams: full(...all), limits });
  const connection = connectionOf(playing);
  await asked(60);
  expect(await pauseSync(client, connection, 'the tenant is being moved')).toBe(true);
  const { requests } = tenant.readStatistics();
  const still = await stillness();
  // A slice learns of it by its heartbeats, within about a second.
  expect(still - requests).toBeLessThan(40);
  expect(await pauseSync(client, connection, 'the tenant is still being moved')).toBe(false);
  for (const { status, pauseReason } of await playing.run.progress()) {
    expect(status === 'complete' ? undefined : pauseReason).toBe(
      status === 'complete' ? undefined : 'the tenant is being moved; the tenant is still being moved',
    );
  }
  await sleep(500);
  expect(tenant.readStatistics().requests).toBe(still);

  expect(await resumeSync(client, connection)).toEqual({ wasPaused: true });
  const played = await playing.ended;
  expectWhole(played, tenant, [...all]);
  expectPromisesKept(played);
  // Pages of users, with one more for each cut and the greatest key, of members, organizations, and clients; each of five
  // slices may lose the page that it was at.
  expect(tenant.readStatistics().requests).toBeLessThanOrEqual(61 + 2 + 250 + 3 + 4 + 5);
  await expect(resumeSync(client, connection)).rejects.toThrow(NoRun);
});

it('a run that is paused before it reads, and continues as new, stays paused', async () => {
  const { client } = stage.temporal;
  let begun = false;
  const playing = await stage.begin({
    tenant,
    streams: full('clients'),
    limits: { ...limits, fetchBudget: { pages: 1, seconds: 60, bytes: 1e9 }, fetchesPerRun: 1 },
    async fetchPages({ fetchId }, real) {
      const result = await real();
      // While the first run of the stream's workflow waits for the end of its only slice.
      if (fetchId === 'clients-0' && !begun) {
        begun = true;
        await pauseSync(client, connectionOf(playing), 'wait');
      }
      return result;
    },
  });
  await asked(1);
  expect(await stillness()).toBe(1);
  expect(await resumeSync(client, connectionOf(playing))).toEqual({ wasPaused: true });
  const played = await playing.ended;
  expectWhole(played, tenant, ['clients']);
});

it('refused credentials pause a run that shall wait for them, and it goes on when they are mended', async () => {
  const { client } = stage.temporal;
  let isRefused = false;
  const playing = await stage.begin({
    tenant,
    streams: full('users', 'clients'),
    limits: { ...limits, fetchBudget: { pages: 3, seconds: 60, bytes: 1e9 } },
    onRefusedCredentials: 'pause',
    clientOf: (real) => ({
      ...real,
      getPage: async (...args) => {
        if (isRefused) throw new BadCredentials('expired_token');
        return real.getPage(...args);
      },
    }),
  });
  await asked(8);
  isRefused = true;
  const paused = async (): Promise<string | undefined> =>
    (await playing.run.progress()).find(({ stream }) => stream === 'users')?.pauseReason;
  for (let tries = 0; (await paused()) === undefined && tries < 200; tries += 1) await sleep(50);
  expect(await paused()).toMatch(/access token has expired/);
  isRefused = false;
  expect(await resumeSync(client, connectionOf(playing))).toEqual({ wasPaused: true });
  const played = await playing.ended;
  expect(played.result.status).toBe('complete');
  expectWhole(played, tenant, ['users', 'clients']);
});

it('a cancelled run ends soon, and its state covers what was delivered', async () => {
  const playing = await stage.begin({
    tenant,
    streams: full('users'),
    limits: { ...limits, fetchBudget: { pages: 4, seconds: 60, bytes: 1e9 } },
  });
  const ended = playing.ended.catch((error: unknown) => error);
  await asked(10);
  await cancelSync(stage.temporal.client, connectionOf(playing));
  expect(await ended).toBeInstanceOf(SyncCancelled);
  expect(tenant.readStatistics().requests).toBeLessThan(22);
});

it('a connection without a run cannot be controlled', async () => {
  const { client } = stage.temporal;
  const nobody = `nobody-${randomUUID().slice(0, 8)}`;
  await expect(pauseSync(client, nobody, 'why')).rejects.toThrow(`no sync of ${nobody} is running`);
  await expect(cancelSync(client, nobody)).rejects.toThrow(NoRun);
});
