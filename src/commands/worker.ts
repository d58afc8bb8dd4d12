import { runWorker } from '../worker';
import { exitCodes } from './exit';
import { narrate } from './narration';

export interface WorkerFlags {
  config: string;
  taskQueue?: string;
}

/** Serves syncs until it is told to stop. */
export async function worker(flags: WorkerFlags): Promise<number> {
  await runWorker({
    ...flags,
    onTrouble: narrate,
    onReady: ({ address, taskQueue, connections }) => {
      narrate(`Listening on task queue ${taskQueue} of ${address} for ${connections.join(', ')}. Stop with Ctrl-C.`);
    },
  });
  return exitCodes.ok;
}
