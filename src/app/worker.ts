import { dirname, resolve } from 'node:path';
import { parseListenAddress, readEnvironment } from '../config/environment';
import { getConnection } from '../config/project';
import { createProjectReader } from '../config/project-reader';
import { ConfigError } from '../errors';
import { streams } from '../streams/registry';
import { connect, readProfile } from '../temporal/connection';
import { installRuntime } from '../temporal/runtime';
import { type CommandContext, waitForInterrupt } from './command-context';
import { hostProject } from './hosting';
import { openMonitoring } from './monitoring';
import { resolveStagingDir } from './project-folder';
import { readLimits } from './sync-input';

export interface WorkerOptions {
  /** The project's file. */
  config: string;
  /** Default: ROLLCALL_TASK_QUEUE, or `rollcall`. */
  taskQueue?: string;
  /** Where to serve metrics and health, host:port. Default: ROLLCALL_LISTEN, or nowhere. */
  listen?: string;
  /** Told when the worker listens; `monitoring`: where its metrics and health are. */
  onReady(where: { address: string; taskQueue: string; connections: string[]; monitoring: string | undefined }): void;
}

/**
 * The long-running worker: serves the syncs of every connection in the project's file. It ends on SIGTERM or SIGINT,
 * which the Temporal runtime takes: the pages under way are finished, the rest is handed to the other workers.
 */
export async function runWorker(
  { config, taskQueue, listen, onReady }: WorkerOptions,
  context: CommandContext,
): Promise<void> {
  const environment = readEnvironment(context);
  const onProblem = context.log.info;
  const readProject = createProjectReader(resolve(context.cwd, config), streams, onProblem);
  const project = await readProject();
  const target = readProfile(context.env);
  if (!target) {
    throw new ConfigError(
      'no Temporal server is configured; a worker needs one that other commands can reach',
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to host:port, or select a Temporal profile. Without a worker, `rollcall sync` starts a local server.',
    );
  }
  const where = listen === undefined ? environment.listen : parseListenAddress(listen);
  const monitoring = where && (await openMonitoring(where, context.log.temporal));
  if (!monitoring) installRuntime({ log: context.log.temporal });
  try {
    const connection = await connect(target);
    try {
      const queue = taskQueue ?? environment.taskQueue;
      const hosting = await hostProject({
        shell: context,
        connection,
        taskQueue: queue,
        stagingDir: resolveStagingDir(dirname(project.file), environment.stagingDir),
        scheduleLimits: readLimits(environment),
        version: environment.deployment,
        // The file is read anew, so that a new connection or another secret needs no restart.
        loadConnection: async (name) => getConnection(await readProject(), name),
        onProblem,
        meter: monitoring?.meter,
      });
      monitoring?.watch({
        ...hosting,
        connection,
        address: target.address,
        taskQueue: queue,
        listConnections: async () => [...(await readProject()).connections.keys()],
      });
      const connections = [...project.connections.keys()];
      onReady({ address: target.address, taskQueue: queue, connections, monitoring: monitoring?.url });
      const interrupted = waitForInterrupt(context.signal);
      try {
        await Promise.race([hosting.done, interrupted.promise]);
      } finally {
        interrupted.release();
        await hosting.stop();
      }
    } finally {
      await connection.close();
    }
  } finally {
    await monitoring?.close();
  }
}
