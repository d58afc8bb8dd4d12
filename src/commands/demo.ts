import { join, resolve } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { type CommandContext, waitForInterrupt } from '../app/command-context';
import { type HostedWorker, hostProject } from '../app/hosting';
import { openSession, type Session, uiPort } from '../app/session';
import { createConnectionInput, defaultLimits } from '../app/sync-input';
import { type Connection, parseConnection } from '../config/project';
import { exitCodes } from '../errors';
import { defaultReadOptions } from '../streams/fetch-task';
import { streams } from '../streams/registry';
import { knowsSearchAttributes } from '../temporal/register-search-attributes';
import { startSync } from '../temporal/sync-run';
import { followRun } from './follow';

export interface DemoFlags {
  files: string;
  keep?: boolean;
}

const taskQueue = 'rollcall';

/** Copies an emulated tenant twice: all of it, then what has changed. */
export async function runDemo({ files, keep }: DemoFlags, context: CommandContext): Promise<number> {
  const { cwd, log } = context;
  const stateDir = resolve(cwd, '.rollcall', 'demo');
  const emulator = await startEmulator({ scenario: 'small', rateLimits: 'enterprise', latencyMs: 20 });
  const session = await openSession(context, { forceEmbedded: true, stateDir, logDir: stateDir, uiPort });
  try {
    const connection = createDemoConnection(emulator, files, cwd);
    const hosting = await hostProject({
      shell: context,
      connection: session.connection,
      taskQueue,
      stagingDir: join(stateDir, 'staging'),
      loadConnection: () => Promise.resolve(connection),
    });
    log.info(`Emulated tenant: ${emulator.url} (rate limits of an enterprise plan)`);
    if (session.uiUrl) log.info(`Temporal UI: ${session.uiUrl}`);

    log.info(`\nFirst sync: copy everything to ${resolve(cwd, files)}.`);
    const full = await runDemoSync(context, session, hosting, connection, true);
    if (full !== exitCodes.ok) return full;

    changeTenant(emulator);
    log.info(
      '\nFour users changed and two were created. The second sync reads the recently\nchanged users, and all records of the other streams.',
    );
    const incremental = await runDemoSync(context, session, hosting, connection, false);
    if (keep && session.uiUrl && incremental === exitCodes.ok) await waitForCtrlC(context, session.uiUrl);
    else log.info('\nThe Temporal UI stops with this command; `rollcall demo --keep` keeps it open.');
    await hosting.stop();
    return incremental;
  } finally {
    await session.close();
    await emulator.close();
  }
}

function createDemoConnection({ url, clientId, clientSecret }: Emulator, files: string, folder: string): Connection {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  return parseConnection('demo', { base_url: url, credentials, destination: { files } }, streams, folder);
}

async function runDemoSync(
  context: CommandContext,
  session: Session,
  hosting: HostedWorker,
  connection: Connection,
  full: boolean,
): Promise<number> {
  const sync = await startSync(session.connection.client, {
    workflowId: `sync/${connection.name}`,
    taskQueue,
    input: createConnectionInput(
      connection,
      { readOptions: defaultReadOptions },
      {
        sinkQueue: taskQueue,
        limits: defaultLimits,
        full,
        searchAttributes: await knowsSearchAttributes(session.connection),
      },
    ),
  });
  return followRun(context, session, hosting, sync, { json: false });
}

function changeTenant({ tenant }: Emulator): void {
  for (const index of [3, 70, 141, 400]) {
    tenant.apply({ type: 'updateUser', user_id: tenant.users.read(index)?.['user_id'] as string });
  }
  tenant.apply({ type: 'createUser' });
  tenant.apply({ type: 'createUser' });
}

async function waitForCtrlC({ log, signal }: CommandContext, uiUrl: string): Promise<void> {
  log.info(`\nThe Temporal UI stays open at ${uiUrl}. Press Ctrl-C to stop.`);
  const interrupted = waitForInterrupt(signal);
  await interrupted.promise;
  interrupted.release();
}
