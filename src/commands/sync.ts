import { type App, createApp } from '../app/app';
import type { CommandContext, OptionalConnectionCommand } from '../app/command-context';
import { type ConnectionFlags, findConnection, rejectCredentialFlags } from '../app/connection';
import { createProjectSettings } from '../app/connection-settings';
import { getStateDir, resolveStagingDir } from '../app/project-folder';
import { openSession, type Session, type SessionOptions, uiPort } from '../app/session';
import { createConnectionInput, readLimits, type SyncRunOptions } from '../app/sync-input';
import { readEnvironment } from '../config/environment';
import type { Connection } from '../config/project';
import { resolveReadOptions, resolveSecrets } from '../config/references';
import type { SourceConfig } from '../config/source';
import { ConfigError, exitCodes } from '../errors';
import { readProfile } from '../temporal/profile';
import { knowsSearchAttributes } from '../temporal/register-search-attributes';
import { startSync, type SyncRun } from '../temporal/sync-run';
import { describeMissingWorkers, hasWorkers } from '../temporal/worker';
import { toWorkflowId } from '../workflows/names';
import { followRun } from './follow';

export interface SyncFlags extends ConnectionFlags {
  full?: boolean;
  detach?: boolean;
  json?: boolean;
}

/** Copies a connection: progress on stderr, the result on stdout. */
export const runSync: OptionalConnectionCommand<SyncFlags> = async (name, flags, context) => {
  const { log } = context;
  const environment = readEnvironment(context);
  const connection = await findConnection(name, flags, context);
  const hasServer = readProfile(context.env) !== undefined;
  // Other workers serve the connections of their project file, not one that options describe.
  const runsElsewhere = hasServer && name !== undefined;
  if (runsElsewhere) rejectCredentialFlags(flags);
  else if (flags.detach) {
    throw new ConfigError(
      '--detach needs a worker to run the sync',
      '--detach',
      'Omit --detach, or set TEMPORAL_ADDRESS and name a connection in the project file of a `rollcall worker`.',
    );
  }
  // Checks the secrets before the sync starts, if they are needed here.
  const source = await (runsElsewhere ? resolveReadOptions : resolveSecrets)(connection, context);
  const taskQueue = hasServer && !runsElsewhere ? `sync-${connection.name}` : environment.taskQueue;
  const stateDir = getStateDir(connection.folder);
  const sessionOptions = { stateDir, logDir: stateDir, uiPort };
  const app = runsElsewhere
    ? await connectToWorkers(sessionOptions, context)
    : await createApp(
        {
          session: sessionOptions,
          taskQueue,
          stagingDir: resolveStagingDir(connection.folder, environment.stagingDir),
          settings: createProjectSettings({
            shell: context,
            loadConnection: () => Promise.resolve(connection),
            onProblem: log.info,
          }),
        },
        context,
      );
  try {
    const run = await startConnectionSync(app.session, connection, source, {
      sinkQueue: taskQueue,
      limits: readLimits(environment),
      full: flags.full ?? false,
      // Nobody watches a detached run: it waits until the credentials are corrected.
      onRefusedCredentials: flags.detach ? 'pause' : 'fail',
    });
    log.info(run.isNew ? `Started ${run.workflowId}.` : `${run.workflowId} is already running.`);
    if (app.session.uiUrl) log.info(`Temporal UI: ${app.session.uiUrl}`);
    if (runsElsewhere && !(await hasWorkers(app.session.connection, taskQueue))) {
      const { message, nextStep } = describeMissingWorkers(taskQueue);
      log.info(`${message} ${nextStep}`);
    }
    return flags.detach ? exitCodes.ok : await followRun(run, app, { json: flags.json ?? false }, context);
  } finally {
    await app.close();
  }
};

async function connectToWorkers(
  options: SessionOptions,
  context: CommandContext,
): Promise<Pick<App, 'session' | 'close'>> {
  const session = await openSession(options, context);
  return { session, close: () => session.close() };
}

/** Starts the sync of a connection, or joins the running one. The destination's queue is also that of the workflow. */
export async function startConnectionSync(
  { connection: temporal }: Session,
  connection: Connection,
  source: Pick<SourceConfig, 'startDate' | 'readOptions'>,
  options: SyncRunOptions,
): Promise<SyncRun> {
  return startSync(temporal.client, {
    workflowId: toWorkflowId(connection.name),
    taskQueue: options.sinkQueue,
    input: createConnectionInput(connection, source, {
      ...options,
      searchAttributes: await knowsSearchAttributes(temporal),
    }),
  });
}
