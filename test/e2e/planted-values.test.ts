import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, findSecrets, readerScopes, secretScopes, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { type EmbeddedServer, startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { readScheduleStatus } from '../../src/temporal/run-status';
import { installRuntime } from '../../src/temporal/runtime';
import { startMonitoredProcess } from '../support/monitored-worker';
import { type CliOptions, type CliResult, runCli } from '../support/cli';
import { collectText } from '../support/histories';
import { projectFor } from '../support/compare-copy';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

/** Every value that this test makes up contains it. */
const mark = 'planted7f3a';
const secret = `${mark}-refused-secret`;
const errorText = `Somebody ${mark}@example.com is not allowed`;

const folder = scratchFolder();
const stagingFolder = join(folder, '.rollcall', 'staging');
let tenant: Emulator;
let server: EmbeddedServer;
let temporal: TemporalConnection;
let options: CliOptions;
let worker: Awaited<ReturnType<typeof startMonitoredProcess>>;
/** IDs, names and addresses of everybody and everything in the tenant, which are made up as well. */
let tenantValues: string[];
/** What commands have written. */
let written = '';
/** Names of the files in staging, at any time. */
const staged = new Set<string>();
let watching: NodeJS.Timeout;

beforeAll(async () => {
  server = await startEmbeddedServer({ binary: locateTemporal(process.env), logFile: join(folder, 'temporal.log') });
  installRuntime({ log: () => undefined });
  temporal = await connect(server);
  tenant = await startEmulator({ scenario: 'small', scopes: [...readerScopes, ...secretScopes], latencyMs: 30 });
  plant();
  tenantValues = listTenantValues(tenant);
  projectFor(folder, tenant);
  const env = { TEMPORAL_ADDRESS: server.address, ROLLCALL_HEARTBEAT_SECONDS: '2', LOG_LEVEL: 'TRACE' };
  options = { cwd: folder, env, intervals: { progressMs: 100 } };
  worker = await startMonitoredProcess({ cwd: folder, env });
  await worker.says('Metrics at');
  watching = setInterval(() => {
    for (const name of namesIn(stagingFolder)) staged.add(name);
  }, 20);
});
afterAll(async () => {
  clearInterval(watching);
  worker.child.kill('SIGKILL');
  await worker.ended;
  await temporal.close();
  await tenant.close();
  await server.stop();
});

/** A person, an organization, a client and a role, all of whose texts are marked. */
function plant(): void {
  const text = (what: string): string => `${mark} ${what}`;
  const bag = { [text('key')]: text('value'), nested: { list: [text('element')] } };
  const user_id = `auth0|${mark}`;
  const { apply } = tenant.tenant;
  const change: typeof apply = (each) => apply.call(tenant.tenant, each);
  change({
    type: 'createUser',
    user: {
      user_id,
      email: `${mark}@example.com`,
      name: text('name'),
      nickname: text('nickname'),
      picture: `https://cdn.example.com/${mark}.png`,
      phone_number: text('number'),
      user_metadata: bag,
      app_metadata: bag,
    },
  });
  const role = change({ type: 'createRole', role: { name: text('role'), description: text('description') } });
  const organization = change({
    type: 'createOrganization',
    organization: { name: text('organization'), display_name: text('display name'), metadata: bag },
  });
  change({
    type: 'createClient',
    client: { name: text('client'), client_metadata: bag, client_secret: text('secret') },
  });
  change({ type: 'addMember', org_id: String(organization['id']), user_id, roles: [String(role['id'])] });
}

function listTenantValues({ tenant: { users, organizations, clients, roles } }: Emulator): string[] {
  const people = [...users.iterateUsers()].flatMap(({ user_id: id, email, name }) => [id, email, name]);
  const things = [organizations, clients, roles].flatMap((all) => [...all.rows].map(({ id }) => id));
  return [...people, ...things].filter((value): value is string => typeof value === 'string' && value.length > 3);
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
}

async function rollcall(...args: string[]): Promise<CliResult> {
  const ended = await runCli(args, options);
  written += ended.output;
  return ended;
}

function sync(...args: string[]): Promise<CliResult> {
  return rollcall('sync', 'acme', ...args);
}

/** What a text contains that must not be there. */
function leaksIn(text: string): string[] {
  const lower = text.toLowerCase();
  const own = [tenant.clientSecret, ...tenantValues].filter((value) => text.includes(value));
  return [...findSecrets(text), ...own, ...(lower.includes(mark) ? [around(text, lower.indexOf(mark))] : [])];
}

const around = (text: string, at: number): string => text.slice(Math.max(0, at - 100), at + 100);

/** Everything in the Temporal server: histories with decoded payloads, and what it lists and describes. */
async function readTemporal(): Promise<string> {
  let text = '';
  for await (const execution of temporal.client.workflow.list()) {
    const handle = temporal.client.workflow.getHandle(execution.workflowId, execution.runId);
    const [history, description] = await Promise.all([handle.fetchHistory(), handle.describe()]);
    text += collectText(history) + collectText(execution.raw) + collectText(description.raw);
    text += JSON.stringify([execution.memo, execution.typedSearchAttributes]);
  }
  return text;
}

async function expectNothingLeaked(): Promise<void> {
  const { text: metrics } = await worker.ask('/metrics');
  const temporalText = await readTemporal();
  // None of them is empty.
  expect(temporalText).toContain('fetchPages');
  expect(metrics).toContain('rollcall_requests_total{connection="acme"');
  expect([...staged].join('\n')).toContain('.users.jsonl');
  const places = {
    temporal: temporalText,
    metrics,
    written,
    stagedNames: [...staged].join('\n'),
    ownLogs: namesIn(join(folder, '.rollcall'))
      .filter((name) => name.endsWith('.log'))
      .map((name) => readFileSync(join(folder, '.rollcall', name), 'utf8'))
      .join('\n'),
    serverLog: readFileSync(join(folder, 'temporal.log'), 'utf8'),
  };
  expect(Object.entries(places).map(([place, text]) => ({ place, leaks: leaksIn(text) }))).toEqual(
    Object.keys(places).map((place) => ({ place, leaks: [] })),
  );
}

it('finds the planted values in the destination, and no secret there', async () => {
  const { code, stderr } = await sync();
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  const data = namesIn(join(folder, 'data'))
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => readFileSync(join(folder, 'data', name), 'utf8'))
    .join('\n');
  for (const what of ['name', 'key', 'element', 'organization', 'client', 'role', 'description']) {
    expect(data).toContain(`${mark} ${what}`);
  }
  expect(leaksIn(data).length).toBeGreaterThan(500);
  expect(findSecrets(data)).toEqual([]);
  expect(data).not.toContain(`${mark} secret`);
});

it('writes none of them into Temporal, logs, metrics or file names in a sync without errors', expectNothingLeaked);

it.each([
  ['400', 'html', 'cut'],
  ['500', 'empty-object', '502'],
] as const)(
  'writes none of them there when the tenant quotes values in the errors %s, %s and %s',
  async (clients, organizations, users) => {
    const text = errorText;
    tenant.setFaults([
      { match: '/clients', kind: clients, text, times: 5 },
      { match: '/organizations', kind: organizations, text, times: 3 },
      { match: '/users', kind: users, text, times: 3 },
    ]);
    const { code, stderr } = await sync('--full');
    // A rejected request is not repeated. Other failures are, also in another attempt, which the worker logs.
    expect({ code, stderr }).toEqual({ code: clients === '400' ? 3 : 0, stderr });
    tenant.setFaults([]);
    await expectNothingLeaked();
  },
);

it('writes none of them there when the token endpoint quotes values, and then rejects the secret', async () => {
  tenant.setFaults([{ match: '/oauth/token', kind: '400', text: errorText }]);
  rewriteSecret(secret);
  expect((await sync('--full')).code).not.toBe(0);
  tenant.setFaults([]);
  expect((await sync('--full')).code).toBe(4);
  rewriteSecret(tenant.clientSecret);
  await expectNothingLeaked();
});

it('writes none of them into heartbeats, or there when a sync is paused and cancelled', async () => {
  tenant.updateSettings({ latencyMs: 1_000 });
  await sync('--full', '--detach');
  const heartbeats = async (): Promise<string> => {
    const descriptions: JsonObject[] = [];
    for (const child of ['users', 'organizations']) {
      const handle = temporal.client.workflow.getHandle(`sync/acme/${child}`);
      descriptions.push((await handle.describe()).raw.pendingActivities as unknown as JsonObject);
    }
    return collectText(descriptions);
  };
  await until(async () => (await heartbeats().catch(() => '')).includes('cursor'));
  expect(leaksIn(await heartbeats())).toEqual([]);
  expect((await rollcall('pause', 'acme')).code).toBe(0);
  await rollcall('cancel', 'acme');
  tenant.updateSettings({ latencyMs: 30 });
  await expectNothingLeaked();
});

it('writes none of them there in scheduled runs that complete, meet quoted values, and fail', async () => {
  const expectOk = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await rollcall(...args);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr });
  };
  const ended = new Set<string>();
  const trigger = async (): Promise<void> => {
    await expectOk('schedule', 'trigger', 'acme');
    await until(async () => {
      const { recentRuns = [] } = (await readScheduleStatus(temporal.client, 'acme', 5)) ?? {};
      const news = recentRuns.filter(({ dueAt, outcome }) => outcome !== 'running' && !ended.has(dueAt));
      for (const { dueAt, outcome } of news) {
        ended.add(dueAt);
        outcomes.push(outcome);
      }
      return news.length > 0;
    });
  };
  const outcomes: string[] = [];
  await expectOk('schedule', 'create', 'acme', '--every', '30d', '--pause-after', '1');
  await trigger();
  tenant.setFaults([{ match: '/clients', kind: '400', text: errorText }]);
  await trigger();
  rewriteSecret(secret);
  await trigger();
  tenant.setFaults([]);
  rewriteSecret(tenant.clientSecret);
  expect(outcomes).toEqual(['complete', 'partial', 'failed']);
  await expectOk('status', 'acme');
  const schedule = await temporal.client.schedule.getHandle('sync/acme').describe();
  expect(schedule.state.paused).toBe(true);
  expect(leaksIn(collectText(schedule.raw))).toEqual([]);
  await expectNothingLeaked();
});

it('writes none of them into the output of the worker', async () => {
  worker.child.kill('SIGTERM');
  const { code, stdout, stderr } = await worker.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('failed');
  expect(leaksIn(stdout + stderr)).toEqual([]);
});

/** Workers read the project file at each use. */
function rewriteSecret(clientSecret: string): void {
  projectFor(folder, { ...tenant, clientSecret });
}
