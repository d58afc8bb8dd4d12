import { WorkflowFailedError, WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client';
import { pauseName, resumeName } from '../workflows/names';
import { awaitWorkflowResult } from './result';
import { NoRun, toWorkflowId } from './sync-run';

/** Answers false when the run was paused already. Throws NoRun. */
export function pauseSync(client: Client, connection: string, reason: string): Promise<boolean> {
  return withRunningSync(client, connection, (run) =>
    run.executeUpdate<boolean, [{ reason: string }]>(pauseName, { args: [{ reason }] }),
  );
}

/** Answers false when the run was not paused. Throws NoRun. */
export function resumeSync(client: Client, connection: string): Promise<boolean> {
  return withRunningSync(client, connection, (run) => run.executeUpdate<boolean, []>(resumeName));
}

/** Requests that are under way are broken off within a second or two, if there is a worker. */
const cancelTimeoutMs = 15_000;

/**
 * Ends the run; what it has delivered stays, with the state to go on from. Answers false when it has not ended yet: it takes a
 * worker to end. Throws NoRun.
 */
export function cancelSync(client: Client, connection: string): Promise<boolean> {
  return withRunningSync(client, connection, async (run) => {
    // Servers take it without a word that a run which has ended is to end.
    const { status } = await run.describe();
    if (status.name !== 'RUNNING') throw new NoRun(connection);
    await run.cancel();
    const over = AbortSignal.timeout(cancelTimeoutMs);
    try {
      await awaitWorkflowResult(run, { signal: over });
    } catch (error) {
      if (error === over.reason) return false;
      if (!(error instanceof WorkflowFailedError)) throw error;
    }
    return true;
  });
}

async function withRunningSync<Result>(
  client: Client,
  connection: string,
  act: (run: WorkflowHandle) => Promise<Result>,
): Promise<Result> {
  try {
    return await act(client.workflow.getHandle(toWorkflowId(connection)));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new NoRun(connection);
    throw error;
  }
}
