import type { CommandContext } from '../app/command-context';
import { type ConnectionFlags, findConnection, rejectCredentialFlags } from '../app/connection';
import { hostProject } from '../app/hosting';
import { getStateDir, resolveStagingDir } from '../app/project-folder';
import { openSession, uiPort } from '../app/session';
import { createConnectionInput, readLimits } from '../app/sync-input';
import { readEnvironment } from '../config/environment';
import { resolveReadOptions, resolveSecrets } from '../config/references';
import { ConfigError, exitCodes } from '../errors';
import { knowsSearchAttributes } from '../temporal/register-search-attributes';
import { startSync, toWorkflowId } from '../temporal/sync-run';
import { hasWorkers } from '../temporal/worker';
import { followRun } from './follow';

export interface SyncFlags extends ConnectionFlags {
  full?: boolean;
  detach?: boolean;
  json?: boolean;
}

/** Copies one connection and says how that went: narration on stderr, the result on stdout. */
export async function runSync(name: string | undefined, flags: SyncFlags, context: CommandContext): Promise<number> {
  const environment = readEnvironment(context);
  const connection = await findConnection(name, flags, context);
  const stateDir = getStateDir(connection.folder);
  const session = await openSession(context, { stateDir, logDir: stateDir, uiPort });
  try {
    // A worker elsewhere knows the connections of its own project file, not one that was spelled out here.
    const elsewhere = !session.embedded && name !== undefined;
    if (flags.detach && !elsewhere) {
      throw new ConfigError(
        '--detach needs a worker to run the sync',
        '--detach',
        'Omit --detach, or set TEMPORAL_ADDRESS and name a connection in the project file of a `rollcall worker`.',
      );
    }
    if (elsewhere) rejectCredentialFlags(flags);
    const taskQueue = session.embedded || elsewhere ? environment.taskQueue : `sync-${connection.name}`;
    // Whoever does the work needs the secrets; to find out at once that they are missing is better than to find it later.
    const source = elsewhere
      ? await resolveReadOptions(connection, context)
      : await resolveSecrets(connection, context);
    const stagingDir = resolveStagingDir(connection.folder, environment.stagingDir);
    const hosting = elsewhere
      ? undefined
      : await hostProject({
          shell: context,
          connection: session.connection,
          taskQueue,
          stagingDir,
          loadConnection: () => Promise.resolve(connection),
        });
    const run = await startSync(session.connection.client, {
      workflowId: toWorkflowId(connection.name),
      taskQueue,
      input: createConnectionInput(connection, source, {
        sinkQueue: taskQueue,
        limits: readLimits(environment),
        full: flags.full ?? false,
        // Nobody looks at a detached run: it waits for whoever mends them.
        onRefusedCredentials: flags.detach ? 'pause' : 'fail',
        searchAttributes: await knowsSearchAttributes(session.connection),
      }),
    });
    context.log.info(run.isNew ? `Started ${run.workflowId}.` : `${run.workflowId} is already running.`);
    if (session.uiUrl) context.log.info(`Temporal UI: ${session.uiUrl}`);
    if (elsewhere && !(await hasWorkers(session.connection, taskQueue))) {
      context.log.info(
        `No worker polls task queue ${taskQueue}; the sync waits until one does. ` +
          'Start `rollcall worker` with the same TEMPORAL_ADDRESS.',
      );
    }
    if (flags.detach) return exitCodes.ok;
    const code = await followRun(context, session, hosting, run, { json: flags.json ?? false });
    await hosting?.stop();
    return code;
  } finally {
    await session.close();
  }
}
