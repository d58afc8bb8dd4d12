import { runWorker } from '../worker';
import { exitCodes } from './exit';
import { narrate } from './narration';

export interface WorkerFlags {
  config: string;
  taskQueue?: string;
  listen?: string;
}

/** Serves syncs until it is told to stop. */
export async function worker(flags: WorkerFlags): Promise<number> {
  await runWorker({
    ...flags,
    onTrouble: narrate,
    onReady: ({ address, taskQueue, connections, monitoring }) => {
      narrate(`Listening on task queue ${taskQueue} of ${address} for ${connections.join(', ')}. Stop with Ctrl-C.`);
      if (monitoring !== undefined) narrate(`Metrics at ${monitoring}/metrics, health at /healthz and /readyz.`);
    },
  });
  return exitCodes.ok;
}
