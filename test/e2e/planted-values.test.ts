import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, findSecrets, readerScopes, secretScopes, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { type EmbeddedServer, startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { readScheduleStatus } from '../../src/temporal/run-status';
import { startWorkerInSight, until, type WorkerInSight } from '../support/monitored-worker';
import { textIn } from '../support/histories';
import { type Ended, type ProgramOptions, run, scratchFolder } from '../support/program';
import { projectFor } from '../support/compare-copy';

jest.setTimeout(180_000);

/** Every value that this test makes up holds it, whatever it is a part of. */
const mark = 'planted7f3a';
const secret = `${mark}-refused-secret`;
const errorText = `Somebody ${mark}@example.com is not allowed`;

const folder = scratchFolder();
const stagingFolder = join(folder, '.rollcall', 'staging');
let tenant: Emulator;
let server: EmbeddedServer;
let temporal: TemporalConnection;
let options: ProgramOptions;
let worker: WorkerInSight;
/** Ids, names and addresses of all people and things of the tenant, which are made up as well. */
let owned: string[];
/** What programs have said. */
let said = '';
/** Names of the files in staging, at any time. */
const staged = new Set<string>();
let watching: NodeJS.Timeout;

beforeAll(async () => {
  server = await startEmbeddedServer({ binary: locateTemporal(process.env), logFile: join(folder, 'temporal.log') });
  temporal = await connect(server);
  tenant = await startEmulator({ scenario: 'small', scopes: [...readerScopes, ...secretScopes], latencyMs: 30 });
  plant();
  owned = ownedBy(tenant);
  projectFor(folder, tenant);
  options = {
    cwd: folder,
    env: { TEMPORAL_ADDRESS: server.address, ROLLCALL_HEARTBEAT_SECONDS: '2', LOG_LEVEL: 'TRACE' },
  };
  worker = await startWorkerInSight(options);
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

function ownedBy({ tenant: { users, organizations, clients, roles } }: Emulator): string[] {
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

async function sync(...args: string[]): Promise<Ended> {
  const ended = await run('rollcall', ['sync', 'acme', ...args], options);
  said += ended.stdout + ended.stderr;
  return ended;
}

/** What a text holds of what nobody may read there. */
function leaksIn(text: string): string[] {
  const lower = text.toLowerCase();
  const own = [tenant.clientSecret, ...owned].filter((value) => text.includes(value));
  return [...findSecrets(text), ...own, ...(lower.includes(mark) ? [around(text, lower.indexOf(mark))] : [])];
}

const around = (text: string, at: number): string => text.slice(Math.max(0, at - 100), at + 100);

/** All that the Temporal server holds and shows: histories with decoded payloads, and what is listed and described. */
async function heldByTemporal(): Promise<string> {
  let text = '';
  for await (const execution of temporal.client.workflow.list()) {
    const handle = temporal.client.workflow.getHandle(execution.workflowId, execution.runId);
    const [history, description] = await Promise.all([handle.fetchHistory(), handle.describe()]);
    text += textIn(history) + textIn(execution.raw) + textIn(description.raw);
    text += JSON.stringify([execution.memo, execution.typedSearchAttributes]);
  }
  return text;
}

async function expectNothingLeaked(): Promise<void> {
  const { text: metrics } = await worker.ask('/metrics');
  const temporalText = await heldByTemporal();
  // None of it is empty.
  expect(temporalText).toContain('fetchSlice');
  expect(metrics).toContain('rollcall_requests_total{connection="acme"');
  expect([...staged].join('\n')).toContain('.users.jsonl');
  const places = {
    temporal: temporalText,
    metrics,
    said,
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

it('finds what is planted where it belongs, so that it would find it elsewhere', async () => {
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
  // Secrets go nowhere at all.
  expect(findSecrets(data)).toEqual([]);
  expect(data).not.toContain(`${mark} secret`);
});

it('leaves nothing of it in Temporal, logs, metrics and names of files when all goes well', expectNothingLeaked);

it.each([
  ['400', 'html', 'cut'],
  ['500', 'empty-object', '502'],
] as const)('nor when the tenant answers %s, %s and %s, in words of its own', async (clients, organizations, users) => {
  const text = errorText;
  tenant.setFaults([
    { match: '/clients', kind: clients, text, times: 5 },
    { match: '/organizations', kind: organizations, text, times: 3 },
    { match: '/users', kind: users, text, times: 3 },
  ]);
  const { code, stderr } = await sync('--full');
  // A request that is refused is not repeated; what fails otherwise is, also in another attempt, which the worker's log tells.
  expect({ code, stderr }).toEqual({ code: clients === '400' ? 3 : 0, stderr });
  tenant.setFaults([]);
  await expectNothingLeaked();
});

it('nor when the token endpoint refuses, in words of its own, and then the secret', async () => {
  tenant.setFaults([{ match: '/oauth/token', kind: '400', text: errorText }]);
  rewriteSecret(secret);
  expect((await sync('--full')).code).not.toBe(0);
  tenant.setFaults([]);
  expect((await sync('--full')).code).toBe(4);
  rewriteSecret(tenant.clientSecret);
  await expectNothingLeaked();
});

it('nor in the heartbeats of activities that are under way, and in what a pause and a cancelling leave', async () => {
  tenant.updateSettings({ latencyMs: 1_000 });
  await sync('--full', '--detach');
  const heartbeats = async (): Promise<string> => {
    const descriptions: JsonObject[] = [];
    for (const child of ['users', 'organizations']) {
      const handle = temporal.client.workflow.getHandle(`sync/acme/${child}`);
      descriptions.push((await handle.describe()).raw.pendingActivities as unknown as JsonObject);
    }
    return textIn(descriptions);
  };
  await until(async () => (await heartbeats().catch(() => '')).includes('cursor'));
  expect(leaksIn(await heartbeats())).toEqual([]);
  const pause = await run('rollcall', ['pause', 'acme'], options);
  expect(pause.code).toBe(0);
  const cancel = await run('rollcall', ['cancel', 'acme'], options);
  said += pause.stderr + cancel.stderr;
  tenant.updateSettings({ latencyMs: 30 });
  await expectNothingLeaked();
});

it('nor in what a schedule leaves whose runs go well, are refused in words of the tenant, and fail', async () => {
  const rollcall = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await run('rollcall', args, options);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr });
    said += stdout + stderr;
  };
  const ended = new Set<string>();
  const trigger = async (): Promise<void> => {
    await rollcall('schedule', 'trigger', 'acme');
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
  await rollcall('schedule', 'create', 'acme', '--every', '30d', '--pause-after', '1');
  await trigger();
  tenant.setFaults([{ match: '/clients', kind: '400', text: errorText }]);
  await trigger();
  rewriteSecret(secret);
  await trigger();
  tenant.setFaults([]);
  rewriteSecret(tenant.clientSecret);
  expect(outcomes).toEqual(['complete', 'partial', 'failed']);
  await rollcall('status', 'acme');
  const schedule = await temporal.client.schedule.getHandle('sync/acme').describe();
  expect(schedule.state.paused).toBe(true);
  expect(leaksIn(textIn(schedule.raw))).toEqual([]);
  await expectNothingLeaked();
});

it('nor in what the worker has said by its end', async () => {
  worker.child.kill('SIGTERM');
  const { code, stdout, stderr } = await worker.ended;
  expect(code).toBe(0);
  expect(stderr).toContain('failed');
  expect(leaksIn(stdout + stderr)).toEqual([]);
});

/** Workers read the file at each use. */
function rewriteSecret(clientSecret: string): void {
  projectFor(folder, { ...tenant, clientSecret });
}
