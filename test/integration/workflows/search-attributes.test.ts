import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { cancelSync, pauseSync, resumeSync } from '../../../src/temporal/sync-run';
import { readWorkflowHistories } from '../../support/histories';
import { full, startTestEnvironment, type StartedSync, type TestEnvironment } from '../../support/test-environment';

jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: { users: { count: 500 }, clients: { count: 30 }, organizations: { count: 0 }, roles: { count: 0 } },
  });
  environment = await startTestEnvironment();
}, 60_000);
afterEach(() => tenant.setFaults([]));
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

const getConnection = ({ run }: StartedSync): string => run.workflowId.replace('sync/', '');

/** Resolves when a search finds the run, as people search in Temporal's UI. */
async function found(sync: StartedSync, query: string): Promise<void> {
  const all = `RollcallConnection = '${getConnection(sync)}' AND ${query}`;
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await environment.temporal.client.workflow.count(all)).count === 1) return;
    await sleep(50);
  }
  const { typedSearchAttributes } = await environment.temporal.client.workflow
    .getHandle(sync.run.workflowId)
    .describe();
  throw new Error(`not found by ${query}: ${JSON.stringify(typedSearchAttributes.getAll())}`);
}

/** Resolves the gate, for what waits in a delivery. */
function gate(): { open(): void; passed: Promise<void> } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

it('finds a run by its connection, mode, status and number of records', async () => {
  const { client } = environment.temporal;
  const held = gate();
  const sync = await environment.startSync({
    tenant,
    streams: full('clients', 'users'),
    searchAttributes: true,
    async deliver({ stream, sequence }) {
      if (stream.name === 'users' && sequence === 1) await held.passed;
    },
  });
  await found(sync, "RollcallStatus = 'running' AND RollcallMode = 'incremental' AND RollcallRows = 30");
  await pauseSync(client, getConnection(sync), 'the tenant is being moved');
  await found(sync, "RollcallStatus = 'paused' AND RollcallRows = 30");
  await resumeSync(client, getConnection(sync));
  await found(sync, "RollcallStatus = 'running'");
  held.open();
  await sync.ended;
  await found(sync, "RollcallStatus = 'complete' AND RollcallRows = 530");
  // The beginning, two ends of streams, the pause and its end, and the end.
  expect(await upserts(sync)).toBe(6);
});

it.each([
  ['partial', [{ kind: '503' as const, match: '/clients' }], 500],
  ['failed', [{ kind: '503' as const }], 0],
])('finds a %s run by its status', async (status, faults, rows) => {
  tenant.setFaults(faults);
  const sync = await environment.startSync({
    tenant,
    streams: full('clients', 'users'),
    full: true,
    searchAttributes: true,
  });
  await sync.ended;
  await found(sync, `RollcallStatus = '${status}' AND RollcallMode = 'full' AND RollcallRows = ${rows}`);
});

it('finds a cancelled run by its status', async () => {
  const held = gate();
  const sync = await environment.startSync({
    tenant,
    streams: full('users'),
    searchAttributes: true,
    fetchPages: async (_input, real) => {
      const slice = await real();
      await held.passed;
      return slice;
    },
  });
  const ended = sync.ended.catch(() => undefined);
  await found(sync, "RollcallStatus = 'running'");
  await cancelSync(environment.temporal.client, getConnection(sync));
  held.open();
  await ended;
  await found(sync, "RollcallStatus = 'cancelled'");
});

it('sets no search attributes unless the server is known to support them', async () => {
  const sync = await environment.startSync({ tenant, streams: full('clients') });
  await sync.ended;
  expect(await upserts(sync)).toBe(0);
});

async function upserts({ run }: StartedSync): Promise<number> {
  const histories = await readWorkflowHistories(environment.temporal.client, run.workflowId);
  return histories
    .flatMap(({ history }) => history.events ?? [])
    .filter((event) => event.upsertWorkflowSearchAttributesEventAttributes).length;
}
