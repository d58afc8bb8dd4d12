import { join, resolve } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { type App, createApp } from '../app/app';
import { type CommandContext, waitForInterrupt } from '../app/command-context';
import { createProjectSettings } from '../app/connection-settings';
import { getStateDir } from '../app/project-folder';
import { uiPort } from '../app/session';
import { defaultLimits } from '../app/sync-input';
import { type Connection, parseConnection } from '../config/project';
import { exitCodes } from '../errors';
import { defaultReadOptions } from '../streams/fetch-task';
import { streams } from '../streams/registry';
import { followRun } from './follow';
import { startConnectionSync } from './sync';

export interface DemoFlags {
  /** Folder to copy into. */
  files: string;
  /** Keep the UI open at the end. */
  keep?: boolean;
}

const taskQueue = 'rollcall';

/** Copies an emulated tenant twice: everything, then the changes. */
export async function runDemo({ files, keep }: DemoFlags, context: CommandContext): Promise<number> {
  const { cwd, log } = context;
  const stateDir = join(getStateDir(cwd), 'demo');
  const emulator = await startEmulator({ scenario: 'small', rateLimits: 'enterprise', latencyMs: 20 });
  try {
    const connection = createDemoConnection(emulator, files, cwd);
    const app = await createApp(
      {
        session: { forceEmbedded: true, stateDir, logDir: stateDir, uiPort },
        taskQueue,
        stagingDir: join(stateDir, 'staging'),
        settings: createProjectSettings({
          shell: context,
          loadConnection: () => Promise.resolve(connection),
          onProblem: log.info,
        }),
      },
      context,
    );
    try {
      log.info(`Emulated tenant: ${emulator.url} (rate limits of an enterprise plan)`);
      const { uiUrl } = app.session;
      if (uiUrl) log.info(`Temporal UI: ${uiUrl}`);

      log.info(`\nFirst sync: copy everything to ${resolve(cwd, files)}.`);
      const full = await runDemoSync(app, connection, true, context);
      if (full !== exitCodes.ok) return full;

      changeTenant(emulator);
      log.info(
        '\nFour users changed and two were created. The second sync reads the recently\nchanged users, and all records of the other streams.',
      );
      const incremental = await runDemoSync(app, connection, false, context);
      if (keep && uiUrl && incremental === exitCodes.ok) await keepOpen(uiUrl, context);
      else log.info('\nThe Temporal UI stops with this command; `rollcall demo --keep` keeps it open.');
      return incremental;
    } finally {
      await app.close();
    }
  } finally {
    await emulator.close();
  }
}

function createDemoConnection({ url, clientId, clientSecret }: Emulator, files: string, folder: string): Connection {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  return parseConnection('demo', { base_url: url, credentials, destination: { files } }, streams, folder);
}

async function runDemoSync(app: App, connection: Connection, full: boolean, context: CommandContext): Promise<number> {
  const options = { sinkQueue: taskQueue, limits: defaultLimits, full };
  const run = await startConnectionSync(app.session, connection, { readOptions: defaultReadOptions }, options);
  return followRun(run, app, { json: false }, context);
}

function changeTenant({ tenant }: Emulator): void {
  for (const index of [3, 70, 141, 400]) {
    tenant.apply({ type: 'updateUser', user_id: tenant.users.read(index)?.['user_id'] as string });
  }
  tenant.apply({ type: 'createUser' });
  tenant.apply({ type: 'createUser' });
}

async function keepOpen(uiUrl: string, { log, signal }: CommandContext): Promise<void> {
  log.info(`\nThe Temporal UI stays open at ${uiUrl}. Press Ctrl-C to stop.`);
  const interrupted = waitForInterrupt(signal);
  await interrupted.promise;
  interrupted.release();
}
