import { join, resolve } from 'node:path';
import type { Connection } from '../config/project';
import { parseConnection } from '../config/project';
import { startEmulator, type Emulator } from '../emulator/server';
import { defaultReading } from '../streams/options';
import { streams } from '../streams/registry';
import { knowsSearchAttributes } from '../temporal/search-attributes';
import { startSync } from '../temporal/sync-run';
import { exitCodes } from './exit';
import { follow, interruption } from './follow';
import { hostProject, type Hosting } from './hosting';
import { narrate } from './narration';
import { openSession, uiPort, type Session } from './session';
import { connectionInput, defaultLimits } from './sync-input';

export interface DemoFlags {
  files: string;
  keep?: boolean;
}

const taskQueue = 'rollcall';

/** Copies an emulated tenant twice: all of it, then what has changed. */
export async function demo({ files, keep }: DemoFlags): Promise<number> {
  const stateDir = resolve('.rollcall', 'demo');
  const emulator = await startEmulator({ scenario: 'small', rateLimits: 'enterprise', latencyMs: 20 });
  const session = await openSession({ embedOnly: true, stateDir, logDir: stateDir, uiPort });
  try {
    const connection = connectionTo(emulator, files);
    const hosting = await hostProject({
      connection: session.connection,
      taskQueue,
      stagingDir: join(stateDir, 'staging'),
      connectionOf: () => Promise.resolve(connection),
    });
    narrate(`An emulated tenant answers at ${emulator.url},\nwith the limits of an enterprise plan.`);
    if (session.uiUrl) narrate(`Temporal's UI shows every workflow at ${session.uiUrl}`);

    narrate(`\nFirst everything, into ${resolve(files)}:`);
    const full = await run(session, hosting, connection, true);
    if (full !== exitCodes.ok) return full;

    change(emulator);
    narrate('\nFour users have changed since, and two are new. The second sync reads those,\nand the lists again:');
    const incremental = await run(session, hosting, connection, false);
    if (keep && session.uiUrl && incremental === exitCodes.ok) await waitForCtrlC(session.uiUrl);
    else narrate('\nThe UI ends with this command; `rollcall demo --keep` keeps it open.');
    await hosting.stop();
    return incremental;
  } finally {
    await session.close();
    await emulator.close();
  }
}

function connectionTo({ url, clientId, clientSecret }: Emulator, files: string): Connection {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  return parseConnection('demo', { base_url: url, credentials, destination: { files } }, streams, resolve('.'));
}

async function run(session: Session, hosting: Hosting, connection: Connection, full: boolean): Promise<number> {
  const sync = await startSync(session.connection.client, {
    workflowId: `sync/${connection.name}`,
    taskQueue,
    input: connectionInput(
      connection,
      { reading: defaultReading },
      {
        sinkQueue: taskQueue,
        limits: defaultLimits,
        full,
        searchAttributes: await knowsSearchAttributes(session.connection),
      },
    ),
  });
  return follow(session, hosting, sync, { json: false });
}

function change({ tenant }: Emulator): void {
  for (const index of [3, 70, 141, 400]) {
    tenant.apply({ type: 'updateUser', user_id: tenant.users.read(index)?.['user_id'] as string });
  }
  tenant.apply({ type: 'createUser' });
  tenant.apply({ type: 'createUser' });
}

async function waitForCtrlC(uiUrl: string): Promise<void> {
  narrate(`\nThe UI stays open at ${uiUrl} until Ctrl-C.`);
  const interrupted = interruption();
  await interrupted.promise;
  interrupted.release();
}
