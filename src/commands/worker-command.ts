import { runWorker } from '../app/worker';
import { exitCodes } from '../errors';
import { logMessage } from './terminal/log';

export interface WorkerFlags {
  config: string;
  taskQueue?: string;
  listen?: string;
}

/** Serves syncs until it is told to stop. */
export async function runWorkerCommand(flags: WorkerFlags): Promise<number> {
  await runWorker({
    ...flags,
    onProblem: logMessage,
    onReady: ({ address, taskQueue, connections, monitoring }) => {
      logMessage(`Polling task queue ${taskQueue} at ${address} for ${connections.join(', ')}. Press Ctrl-C to stop.`);
      if (monitoring !== undefined) logMessage(`Metrics at ${monitoring}/metrics, health at /healthz and /readyz.`);
    },
  });
  return exitCodes.ok;
}
