import type { Client } from '@temporalio/client';
import { toRunEvents, readEventTime, type HistoryEvent, type RunEvent } from './run-events';
import { findNewestRun, toWorkflowId } from './sync-run';

/** The connection has never been synced on this server, or so long ago that the server has forgotten it. */
export class NoRunKept extends Error {
  override readonly name = 'NoRunKept';
  constructor(connection: string) {
    super(
      `the server keeps no sync of ${connection}: none was run on it, or its retention is over. ` +
        `\`rollcall sync ${connection}\` starts one.`,
    );
  }
}

/** What happened in the newest run of a connection. */
export interface RunLog {
  /** In the order in which it happened. */
  events: RunEvent[];
  /** What is tried again at this moment, and why. */
  retrying: RunEvent[];
  running: boolean;
}

/** Throws NoRunKept. */
export async function readRunLog(client: Client, connection: string): Promise<RunLog> {
  const workflowId = toWorkflowId(connection);
  const newest = await findNewestRun(client, connection);
  if (!newest) throw new NoRunKept(connection);
  const { runId, status } = newest;
  const events: RunEvent[] = [];
  const retrying: RunEvent[] = [];
  const waiting = [{ workflowId, runId }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const handle = client.workflow.getHandle(next.workflowId, next.runId);
    const history = (await handle.fetchHistory()).events ?? [];
    const name = next.workflowId === workflowId ? 'sync' : next.workflowId.slice(workflowId.length + 1);
    events.push(...toRunEvents(history, name));
    waiting.push(...listFollowingRuns(history, next.workflowId));
    // What has ended has none.
    if (status.name === 'RUNNING') {
      const { pendingActivities } = (await handle.describe()).raw;
      retrying.push(...(pendingActivities ?? []).flatMap((each) => toRetryEvents(each, name)));
    }
  }
  events.sort((one, other) => one.at - other.at);
  return { events, retrying, running: status.name === 'RUNNING' };
}

/** The children that a history tells of, and what it continued as. */
function listFollowingRuns(events: readonly HistoryEvent[], workflowId: string): { workflowId: string; runId: string }[] {
  return events.flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    if (child?.workflowId && child.runId) return [{ workflowId: child.workflowId, runId: child.runId }];
    const next = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    return next ? [{ workflowId, runId: next }] : [];
  });
}

type PendingActivity = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>['raw']['pendingActivities']
>[number];

function toRetryEvents(pending: PendingActivity, workflow: string): RunEvent[] {
  const { activityType, attempt, lastFailure, lastAttemptCompleteTime: eventTime = null } = pending;
  if (!lastFailure) return [];
  const text = `${activityType?.name ?? 'activity'}: is tried again (attempt ${attempt ?? '?'}): ${lastFailure.message ?? 'it failed'}`;
  return [{ at: readEventTime({ eventTime }), workflow, text }];
}
