import { dirname } from 'node:path';
import { processVariables, readEnvironment } from './config/environment';
import { ConfigError } from './config/errors';
import { parseListen } from './config/listen';
import { connectionOf } from './config/project';
import { createProjectReader, type OnTrouble } from './config/steady';
import { hostProject } from './commands/hosting';
import { openMonitoring } from './commands/monitoring';
import { stagingDirOf } from './commands/project-folder';
import { limitsOf } from './commands/sync-input';
import { streams } from './streams/registry';
import { connect } from './temporal/connection';
import { readProfile } from './temporal/profile';
import { installRuntime } from './temporal/runtime';

export interface WorkerOptions {
  /** The project's file. */
  config: string;
  /** Default: ROLLCALL_TASK_QUEUE, or `rollcall`. */
  taskQueue?: string;
  /** Where to serve metrics and health, host:port. Default: ROLLCALL_LISTEN, or nowhere. */
  listen?: string;
  /** Told of a file that cannot be used for now; what it said before holds. */
  onTrouble: OnTrouble;
  /** Told when the worker listens; `monitoring`: where its metrics and health are. */
  onReady(where: { address: string; taskQueue: string; connections: string[]; monitoring: string | undefined }): void;
}

/**
 * The long-running worker: serves the syncs of every connection in the project's file. It ends on SIGTERM or SIGINT,
 * which the Temporal runtime takes: the pages under way are finished, the rest is handed to the other workers.
 */
export async function runWorker({ config, taskQueue, listen, onReady, onTrouble }: WorkerOptions): Promise<void> {
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
  const where = listen === undefined ? environment.listen : parseListen(listen);
  const monitoring = where && (await openMonitoring(where));
  if (!monitoring) installRuntime();
  try {
    const connection = await connect(target);
    try {
      const queue = taskQueue ?? environment.taskQueue;
      const hosting = await hostProject({
        connection,
        taskQueue: queue,
        stagingDir: stagingDirOf(dirname(project.file), environment.stagingDir),
        scheduled: limitsOf(environment),
        version: environment.deployment,
        // The file is read anew, so that a new connection or another secret needs no restart.
        connectionOf: async (name) => connectionOf(await readProject(), name),
        onTrouble,
        meter: monitoring?.meter,
      });
      monitoring?.watch({
        ...hosting,
        connection,
        address: target.address,
        taskQueue: queue,
        connections: async () => [...(await readProject()).connections.keys()],
      });
      const connections = [...project.connections.keys()];
      onReady({ address: target.address, taskQueue: queue, connections, monitoring: monitoring?.url });
      await hosting.done;
    } finally {
      await connection.close();
    }
  } finally {
    await monitoring?.close();
  }
}
