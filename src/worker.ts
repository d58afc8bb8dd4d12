import { dirname, join, resolve } from 'node:path';
import { processVariables, readEnvironment } from './config/environment';
import { ConfigError } from './config/errors';
import { connectionOf } from './config/project';
import { createProjectReader, type OnTrouble } from './config/steady';
import { hostProject } from './commands/hosting';
import { streams } from './streams/registry';
import { connect } from './temporal/connection';
import { readProfile } from './temporal/profile';
import { installRuntime } from './temporal/runtime';

export interface WorkerOptions {
  /** The project's file. */
  config: string;
  /** Default: ROLLCALL_TASK_QUEUE, or `rollcall`. */
  taskQueue?: string;
  /** Told when the worker listens. */
  /** Told of a file that cannot be used for now; what it said before holds. */
  onTrouble: OnTrouble;
  onReady(where: { address: string; taskQueue: string; connections: string[] }): void;
}

/**
 * The long-running worker: serves the syncs of every connection in the project's file. It ends on SIGTERM or SIGINT,
 * which the Temporal runtime takes: the pages under way are finished, the rest is handed to the other workers.
 */
export async function runWorker({ config, taskQueue, onReady, onTrouble }: WorkerOptions): Promise<void> {
  const environment = readEnvironment();
  const readProject = createProjectReader(config, streams, onTrouble);
  const project = await readProject();
  const target = readProfile(processVariables());
  if (!target) {
    throw new ConfigError(
      'no Temporal server is named, and a worker needs one that others can reach too',
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to host:port, or name a Temporal profile. `rollcall sync` needs no worker: it brings its own server.',
    );
  }
  installRuntime();
  const connection = await connect(target);
  try {
    const queue = taskQueue ?? environment.taskQueue;
    const hosting = await hostProject({
      connection,
      taskQueue: queue,
      stagingDir: environment.stagingDir ?? join(dirname(resolve(config)), '.rollcall', 'staging'),
      version: environment.deployment,
      // The file is read anew, so that a new connection or another secret needs no restart.
      connectionOf: async (name) => connectionOf(await readProject(), name),
      onTrouble,
    });
    onReady({ address: target.address, taskQueue: queue, connections: [...project.connections.keys()] });
    await hosting.done;
  } finally {
    await connection.close();
  }
}
