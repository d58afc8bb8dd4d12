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
import type { PostgresServer } from '../postgres/server';
import { createDisk, type Disk } from './disk';
import { type Front, startFront } from './front';
import { chanceOf, type Plan } from './plan';
import { createSignals, type Signals } from './signals';
import { supervise, type Supervised } from './supervisor';
import { watchFolders } from './watch';
import { startWire } from './wire';

/** All that a run takes place in. */
export interface World {
  plan: Plan;
  folder: string;
  signals: Signals;
  tenant: Emulator;
  front: Front;
  postgres: PostgresServer;
  schema: string;
  disks: Record<'staging' | 'destination', Disk>;
  workers: Supervised[];
  /** Of every program. */
  env: Record<string, string>;
  /** Kills the Temporal server; it comes back on its port and file. Absent: the command brings its own. */
  restartTemporal?(pauseMs: number): Promise<void>;
  /** Ends the changes to the tenant. */
  stopChanges(): void;
  close(): Promise<void>;
}

/** @param postgres shared by all runs; each has a schema of its own */
export async function createWorld(plan: Plan, postgres: PostgresServer): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), `rollcall-crash-${plan.seed}-`));
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })];
  const close = async (): Promise<void> => {
    for (let last = closing.pop(); last; last = closing.pop()) await last();
  };
  try {
    const signals = createSignals();
    const tenant = await startEmulator({ scenario: plan.tenant, latencyMs: plan.latencyMs });
    closing.push(() => tenant.close());
    const front = await startFront(tenant.url, signals);
    closing.push(() => front.close());
    const postgresWire = await startWire('postgres', postgres.port, signals);
    closing.push(() => postgresWire.close());

    const isVictim = plan.victim === 'disk';
    const disks = {
      staging: createDisk(join(folder, 'staging'), isVictim),
      destination: createDisk(join(folder, 'data'), isVictim),
    };
    for (const disk of Object.values(disks)) closing.push(() => disk.remove());
    closing.push(watchFolders([disks.staging.folder, disks.destination.folder], signals));

    const schema = `run_${plan.seed}`;
    const url = postgres.url.replace(`:${postgres.port}/`, `:${postgresWire.port}/`);
    const destination =
      plan.destination === 'files' ? '{ files: ./data }' : `{ postgres: { url: "${url}", schema: ${schema} } }`;
    projectFor(folder, { ...tenant, url: front.url }, destination);

    const env: Record<string, string> = {
      ROLLCALL_STAGING: disks.staging.folder,
      ROLLCALL_FETCH_PAGES: String(plan.slicePages),
      ROLLCALL_FETCH_SECONDS: String(plan.sliceSeconds),
      ROLLCALL_HEARTBEAT_SECONDS: String(plan.heartbeatSeconds),
    };
    const world: World = {
      plan,
      folder,
      signals,
      tenant,
      front,
      postgres,
      schema,
      disks,
      workers: [],
      env,
      stopChanges: () => undefined,
      close,
    };
    if (plan.workers > 0) await startCluster(world, closing);
    tenant.restartKeyHistory();
    world.stopChanges = startChanges(plan, tenant);
    closing.push(world.stopChanges);
    return world;
  } catch (error) {
    await close();
    throw error;
  }
}

/** A Temporal server and the workers that listen to it. */
async function startCluster(world: World, closing: (() => unknown)[]): Promise<void> {
  const { plan, folder, signals } = world;
  const options: EmbeddedServerOptions = {
    binary: locateTemporal(process.env),
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
  };
  let server: EmbeddedServer = await startEmbeddedServer(options);
  closing.push(() => server.stop());
  const port = Number(server.address.split(':')[1]);
  world.restartTemporal = async (pauseMs) => {
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    server = await startEmbeddedServer({ ...options, port });
  };
  world.env['TEMPORAL_ADDRESS'] = server.address;
  if (plan.victim !== 'server') {
    const wire = await startWire('temporal', port, signals);
    closing.push(() => wire.close());
    world.env['TEMPORAL_ADDRESS'] = `127.0.0.1:${wire.port}`;
  }
  const command = { args: ['worker'], cwd: folder, env: world.env };
  await Promise.all(
    Array.from({ length: plan.workers }, async () => {
      const worker = await supervise(command, 'Polling task queue');
      closing.push(() => worker.stop());
      world.workers.push(worker);
    }),
  );
}

/** Has users change, come and go while they are read, as the plan's seed says. */
function startChanges({ seed, changesPerSecond }: Plan, { tenant }: Emulator): () => void {
  if (changesPerSecond === 0) return () => undefined;
  const chance = chanceOf(seed, 202);
  const timer = setInterval(() => {
    const user_id = tenant.users.read(chance.between(0, tenant.users.size - 1))?.['user_id'] as string | undefined;
    const kind = chance.between(0, 7);
    if (kind === 0) tenant.createUser();
    else if (user_id !== undefined) tenant.apply({ type: kind === 1 ? 'deleteUser' : 'updateUser', user_id });
  }, 1_000 / changesPerSecond);
  return () => clearInterval(timer);
}
