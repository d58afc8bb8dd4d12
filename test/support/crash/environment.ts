import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { locateTemporal } from '../../../src/temporal/embedded-server/binary';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../../../src/temporal/embedded-server/embedded-server';
import { projectFor } from '../compare-copy';
import { createDisk, type Disk } from './disk';
import { watchFolders } from './file-watcher';
import { createChance, type Plan } from './plan';
import { startServerProxy } from './server-proxy';
import { createSignals, type Signals } from './signals';
import { supervise, type SupervisedProgram } from './supervisor';
import { startTenantProxy, type TenantProxy } from './tenant-proxy';

/** Servers that several runs share. */
export interface CrashServers {
  /** Each run has its own schema. `restart` is needed for faults of Postgres. */
  postgres: { url: string; restart?(): Promise<void> };
  /** Creates a namespace for a run. Absent: each run starts a server. */
  createNamespace?(): Promise<{ address: string; env: Record<string, string> }>;
}

/** Everything that a run uses. */
export interface CrashEnvironment {
  plan: Plan;
  folder: string;
  signals: Signals;
  tenant: Emulator;
  tenantProxy: TenantProxy;
  postgres: CrashServers['postgres'];
  schema: string;
  disks: Record<'staging' | 'destination', Disk>;
  workers: SupervisedProgram[];
  /** Of every program. */
  env: Record<string, string>;
  /** Kills the Temporal server, and restarts it with the same port and database. Absent if the run does not own the server. */
  restartTemporal?(pauseMs: number): Promise<void>;
  /** Ends the changes to the tenant. */
  stopChanges(): void;
  close(): Promise<void>;
}

export async function createEnvironment(plan: Plan, servers: CrashServers): Promise<CrashEnvironment> {
  const folder = mkdtempSync(join(tmpdir(), `rollcall-crash-${plan.seed}-`));
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })];
  const close = async (): Promise<void> => {
    for (let last = closing.pop(); last; last = closing.pop()) await last();
  };
  try {
    const signals = createSignals();
    const tenant = await startEmulator({ scenario: plan.tenant, latencyMs: plan.latencyMs });
    closing.push(() => tenant.close());
    const tenantProxy = await startTenantProxy(tenant.url, signals);
    closing.push(() => tenantProxy.close());

    const isTarget = plan.target === 'disk';
    const disks = {
      staging: createDisk(join(folder, 'staging'), isTarget),
      destination: createDisk(join(folder, 'data'), isTarget),
    };
    for (const disk of Object.values(disks)) closing.push(() => disk.remove());
    closing.push(watchFolders([disks.staging.folder, disks.destination.folder], signals));

    const schema = `run_${plan.seed}`;
    let destination = '{ files: ./data }';
    if (plan.destination === 'postgres') {
      const url = new URL(servers.postgres.url);
      const proxy = await startServerProxy('postgres', Number(url.port), signals);
      closing.push(() => proxy.close());
      url.port = String(proxy.port);
      destination = `{ postgres: { url: "${url.href}", schema: ${schema} } }`;
    }
    projectFor(folder, { ...tenant, url: tenantProxy.url }, destination);

    const environment: CrashEnvironment = {
      plan,
      folder,
      signals,
      tenant,
      tenantProxy,
      postgres: servers.postgres,
      schema,
      disks,
      workers: [],
      env: {
        ROLLCALL_STAGING: disks.staging.folder,
        ROLLCALL_FETCH_PAGES: String(plan.fetchPages),
        ROLLCALL_FETCH_SECONDS: String(plan.fetchSeconds),
        ROLLCALL_HEARTBEAT_SECONDS: String(plan.heartbeatSeconds),
      },
      stopChanges: () => undefined,
      close,
    };
    if (plan.workers > 0) await startCluster(environment, servers, closing);
    tenant.restartKeyHistory();
    environment.stopChanges = startChanges(plan, tenant);
    closing.push(environment.stopChanges);
    return environment;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Connects the programs to a Temporal server, and starts the workers. */
async function startCluster(
  environment: CrashEnvironment,
  { createNamespace }: CrashServers,
  closing: (() => unknown)[],
): Promise<void> {
  const { plan, folder, signals, env } = environment;
  let address: string;
  if (createNamespace && plan.target !== 'server') {
    const namespace = await createNamespace();
    Object.assign(env, namespace.env);
    ({ address } = namespace);
  } else {
    address = await startTemporal(environment, closing);
  }
  env['TEMPORAL_ADDRESS'] = address;
  if (plan.target !== 'server') {
    const proxy = await startServerProxy('temporal', Number(address.split(':')[1]), signals);
    closing.push(() => proxy.close());
    env['TEMPORAL_ADDRESS'] = `127.0.0.1:${proxy.port}`;
  }
  const command = { args: ['worker'], cwd: folder, env };
  await Promise.all(
    Array.from({ length: plan.workers }, async () => {
      const worker = await supervise(command, 'Polling task queue');
      closing.push(() => worker.stop());
      environment.workers.push(worker);
    }),
  );
}

/** Starts a Temporal server for this run. Returns its address. */
async function startTemporal(environment: CrashEnvironment, closing: (() => unknown)[]): Promise<string> {
  const { folder } = environment;
  const options: EmbeddedServerOptions = {
    binary: locateTemporal(process.env),
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
  };
  let server: EmbeddedServer = await startEmbeddedServer(options);
  closing.push(() => server.stop());
  const port = Number(server.address.split(':')[1]);
  environment.restartTemporal = async (pauseMs) => {
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    server = await startEmbeddedServer({ ...options, port });
  };
  return server.address;
}

/** Adds, changes and deletes users during the sync, as the plan's seed determines. */
function startChanges({ seed, changesPerSecond }: Plan, { tenant }: Emulator): () => void {
  if (changesPerSecond === 0) return () => undefined;
  const chance = createChance(seed, 202);
  const timer = setInterval(() => {
    const user_id = tenant.users.read(chance.between(0, tenant.users.size - 1))?.['user_id'] as string | undefined;
    const kind = chance.between(0, 7);
    if (kind === 0) tenant.createUser();
    else if (user_id !== undefined) tenant.apply({ type: kind === 1 ? 'deleteUser' : 'updateUser', user_id });
  }, 1_000 / changesPerSecond);
  return () => clearInterval(timer);
}
