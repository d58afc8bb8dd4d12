import type { CommandContext } from '../app/command-context';
import { runWorker } from '../app/worker';
import { exitCodes } from '../errors';

export interface WorkerFlags {
  config: string;
  taskQueue?: string;
  listen?: string;
}

/** Serves syncs until it is told to stop. */
export async function runWorkerCommand(flags: WorkerFlags, context: CommandContext): Promise<number> {
  const { log } = context;
  await runWorker(
    {
      ...flags,
      onReady: ({ address, taskQueue, connections, monitoring }) => {
        log.info(`Polling task queue ${taskQueue} at ${address} for ${connections.join(', ')}. Press Ctrl-C to stop.`);
        if (monitoring !== undefined) log.info(`Metrics at ${monitoring}/metrics, health at /healthz and /readyz.`);
      },
    },
    context,
  );
  return exitCodes.ok;
}
