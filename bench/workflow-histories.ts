import type { Client } from '@temporalio/client';

/** The history of one run of a workflow, as the server counts it. */
export interface RunHistory {
  workflowId: string;
  bytes: number;
  events: number;
  /** True when the workflow went on in a further run. */
  continued: boolean;
  /** Bytes of the longest input that a slice was given. */
  longestInput: number;
}

/** The histories of a workflow and of its children, each with the runs that it continued as. */
export async function readHistories(client: Client, root: string): Promise<RunHistory[]> {
  const found: RunHistory[] = [];
  const waiting: { workflowId: string; runId?: string }[] = [{ workflowId: root }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { workflowId, runId } = next;
    const handle = client.workflow.getHandle(workflowId, runId);
    const { raw, historyLength } = await handle.describe();
    const { events } = await handle.fetchHistory();
    let continued = false;
    let longestInput = 0;
    for (const event of events ?? []) {
      const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
      const successor = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      const scheduled = event.activityTaskScheduledEventAttributes;
      const inputs = scheduled?.activityType?.name === 'fetchSlice' ? (scheduled.input?.payloads ?? []) : [];
      if (child?.workflowId) waiting.push({ workflowId: child.workflowId });
      if (successor) waiting.push({ workflowId, runId: successor });
      continued ||= Boolean(successor);
      longestInput = Math.max(longestInput, ...inputs.map(({ data }) => data?.length ?? 0));
    }
    const bytes = Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0);
    found.push({ workflowId, bytes, events: historyLength, continued, longestInput });
  }
  return found;
}
