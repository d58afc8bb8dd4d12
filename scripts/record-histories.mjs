#!/usr/bin/env node
// Records the histories that test/unit/replay plays back: small syncs of an emulated tenant, on a real server, by the built
// code. To be run when workflows changed on purpose; a diff of the histories then shows what running syncs would meet.
// With names, as in `npm run replay:record -- scheduled`, only those are recorded, and the others stay as they are.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HISTORIES = join(ROOT, 'test', 'unit', 'replay', 'histories');
const load = createRequire(join(ROOT, 'dist', 'cli.js'));
const { installRuntime } = load('./temporal/runtime.js');
installRuntime();
const { createStaging } = load('./staging/staging.js');
const { createFilesSink } = load('./sinks/files/sink.js');
const { startWorker } = load('./app/worker.js');
const { createTenants } = load('./activities/tenants.js');
const { defaultReadOptions } = load('./streams/fetch-task.js');
const { createSyncInput, defaultLimits } = load('./app/sync-input.js');
const { readerScopes, startEmulator } = load('auth0-emulator');
const { locateTemporal } = load('./temporal/embedded-server/binary.js');
const { connect } = load('./temporal/connection.js');
const { startEmbeddedServer } = load('./temporal/embedded-server/embedded-server.js');
const { startSync } = load('./temporal/sync-run.js');
const { historyToJSON } = load('@temporalio/common/lib/proto-utils');

const taskQueue = 'rollcall';
const scenario = {
  users: { count: 420 },
  clients: { count: 3 },
  organizations: { count: 9, members: 2, firstMemberCounts: [230] },
  roles: { count: 2 },
};
const limits = {
  ...defaultLimits,
  fetchBudget: { ...defaultLimits.fetchBudget, pages: 1 },
  childFetchBudget: { ...defaultLimits.childFetchBudget, pages: 1 },
  fetchesPerRun: 5,
  concurrency: { min: 2, max: 2 },
  parentsPerBatch: 4,
  rowsPerPartition: { preferred: 100, min: 100 },
};
const full = (name) => ({ name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite', syncId: 7 });
const family = ['organizations', 'organization_members', 'organization_member_roles'].map(full);

/** What is recorded: every workflow, whole, continued as new, and with a stream that failed. */
const syncs = [
  { name: 'whole', streams: ['clients', 'users'].map(full).concat(family), limits },
  { name: 'incomplete', streams: family, without: 'read:organization_member_roles', limits: defaultLimits },
  { name: 'scheduled', streams: ['clients'].map(full), limits: defaultLimits, scheduled: true },
  { name: 'refused', streams: ['clients'].map(full), without: 'read:clients', limits: defaultLimits, scheduled: true },
];
const named = process.argv.slice(2);
const wanted = syncs.filter(({ name }) => named.length === 0 || named.includes(name));

const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
const tenant = await startEmulator({ scenario });
const server = await startEmbeddedServer({ binary: locateTemporal(process.env), logFile: join(folder, 'server.log') });
try {
  const connection = await connect(server);
  const recorded = [];
  for (const sync of wanted) recorded.push(...(await record(connection, sync)));
  await connection.close();
  await write(recorded);
} finally {
  await server.stop();
  await tenant.close();
  rmSync(folder, { recursive: true, force: true });
}

async function record(connection, { name, streams, without, limits: chosen, scheduled }) {
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== without) });
  const { url: baseUrl, clientId, clientSecret, audience } = tenant;
  const credentials = { type: 'client_credentials', clientId, clientSecret, audience };
  const staging = createStaging(join(folder, 'staging'));
  const sink = await createFilesSink({ directory: join(folder, name), staging });
  const input = createSyncInput({
    connection: name,
    streams,
    sinkQueue: taskQueue,
    limits: chosen,
    readOptions: defaultReadOptions,
    searchAttributes: scheduled,
  });
  const source = { baseUrl, credentials, readOptions: defaultReadOptions, pacing: { reserve: 0.1 } };
  const tenants = createTenants({ resolveSource: async () => source });
  const settings = {
    readSyncSettings: async () => ({ connection: { name, streams, destination: { kind: 'files' } }, source }),
  };
  const worker = await startWorker({
    connection,
    taskQueue,
    staging,
    tenants,
    getSink: async () => sink,
    runInMainThread: true,
    schedules: { settings, limits: chosen },
  });
  const root = scheduled ? await runScheduled(connection.client, name) : await runSync(connection.client, name, input);
  await worker.stop();
  tenants.close();
  return historiesOf(connection.client, name, root);
}

async function runSync(client, name, input) {
  const run = await startSync(client, { workflowId: `sync/${name}`, taskQueue, input });
  await run.result();
  return run.workflowId;
}

/** As a schedule would start it. */
async function runScheduled(client, name) {
  const workflowId = `scheduled/${name}`;
  const args = [{ connection: name, pauseAfter: 1 }];
  await client.workflow.execute('scheduledSyncWorkflow', { workflowId, taskQueue, args }).catch(() => undefined);
  return workflowId;
}

/** The histories of a workflow and of its children, each with the runs that it continued as, by file names. */
async function historiesOf(client, sync, root) {
  const found = [];
  const waiting = [{ workflowId: root }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const history = await client.workflow.getHandle(next.workflowId, next.runId).fetchHistory();
    const nth = found.filter((each) => each.workflowId === next.workflowId).length + 1;
    const [kind, , stream] = next.workflowId.split('/');
    const part = stream ?? kind;
    found.push({ workflowId: next.workflowId, file: `${sync}-${part}-${nth}.json`, history });
    for (const event of history.events) {
      const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
      const runId = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      if (child) waiting.push(child);
      if (runId) waiting.push({ workflowId: next.workflowId, runId });
    }
  }
  return found;
}

async function write(recorded) {
  mkdirSync(HISTORIES, { recursive: true });
  for (const file of readdirSync(HISTORIES)) {
    const again = wanted.some(({ name }) => file.startsWith(`${name}-`));
    if (named.length === 0 || again) rmSync(join(HISTORIES, file));
  }
  for (const { file, history } of recorded) {
    const text = JSON.stringify(scrub(JSON.parse(historyToJSON(history))));
    writeFileSync(join(HISTORIES, file), await format(text, { parser: 'json', printWidth: 120 }));
  }
}

/** Without what names this machine: identities (process@host, in the names of sticky queues too) and stack traces. */
function scrub(value) {
  if (typeof value === 'string') return value.replaceAll(`${process.pid}@${hostname()}`, 'recorder');
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === 'stackTrace' ? '' : scrub(inner)]),
  );
}
