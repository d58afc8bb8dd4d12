import type { TemporalConnection } from './connection';

/** A poll lasts a minute; a poller that has not come back for longer is gone, though the server lists it for a while. */
const pollerLifetimeMs = 70_000;

/** Whether any worker that runs workflows listens on a task queue. */
export async function hasWorkers({ client, namespace }: TemporalConnection, taskQueue: string): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
  });
  const since = Date.now() / 1000 - pollerLifetimeMs / 1000;
  return pollers.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > since);
}
