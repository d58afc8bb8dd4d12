import { dirname, resolve } from 'node:path';
import { createApp } from '../app/app';
import { type CommandContext, waitForInterrupt } from '../app/command-context';
import { createProjectSettings } from '../app/connection-settings';
import { getStateDir, resolveStagingDir } from '../app/project-folder';
import { readLimits } from '../app/sync-input';
import { parseListenAddress, readEnvironment } from '../config/environment';
import { getConnection } from '../config/project';
import { createProjectReader } from '../config/project-reader';
import { ConfigError, exitCodes } from '../errors';
import { streams } from '../streams/registry';
import { readProfile } from '../temporal/profile';

export interface WorkerFlags {
  /** Project file. */
  config: string;
  /** Default: ROLLCALL_TASK_QUEUE, or `rollcall`. */
  taskQueue?: string;
  /** host:port of metrics and health. Default: ROLLCALL_LISTEN, or off. */
  listen?: string;
}

/** Runs the syncs of the connections in a project file until SIGINT or SIGTERM. */
export async function runWorkerCommand(flags: WorkerFlags, context: CommandContext): Promise<number> {
  const { log } = context;
  const environment = readEnvironment(context);
  const readProject = createProjectReader(resolve(context.cwd, flags.config), streams, log.info);
  const { file, connections } = await readProject();
  if (!readProfile(context.env)) {
    throw new ConfigError(
      'no Temporal server is configured; a worker needs one that other commands can reach',
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to host:port, or select a Temporal profile. Without a worker, `rollcall sync` starts a local server.',
    );
  }
  const folder = dirname(file);
  const taskQueue = flags.taskQueue ?? environment.taskQueue;
  const settings = createProjectSettings({
    shell: context,
    // Read each time: new connections and secrets need no restart.
    loadConnection: async (name) => getConnection(await readProject(), name),
    onProblem: log.info,
  });
  const address = flags.listen === undefined ? environment.listen : parseListenAddress(flags.listen);
  const app = await createApp(
    {
      session: { logDir: getStateDir(folder) },
      taskQueue,
      stagingDir: resolveStagingDir(folder, environment.stagingDir),
      settings,
      schedules: { settings, limits: readLimits(environment) },
      deploymentVersion: environment.deployment,
      monitoring: address && { address, listConnections: async () => [...(await readProject()).connections.keys()] },
    },
    context,
  );
  const names = [...connections.keys()].join(', ');
  log.info(`Polling task queue ${taskQueue} at ${app.session.address} for ${names}. Press Ctrl-C to stop.`);
  if (app.monitoringUrl !== undefined)
    log.info(`Metrics at ${app.monitoringUrl}/metrics, health at /healthz and /readyz.`);
  const interrupted = waitForInterrupt(context.signal);
  try {
    await Promise.race([app.workerStopped, interrupted.promise]);
    return exitCodes.ok;
  } finally {
    interrupted.release();
    await app.close();
  }
}
