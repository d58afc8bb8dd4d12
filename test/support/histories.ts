import type { Client, WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** A run of a workflow, with the name of its type. */
export interface RecordedRun {
  workflow: string;
  workflowId: string;
  history: History;
}

/** The histories of a workflow and of its children, each with the runs that it continued as. */
export async function readWorkflowHistories(client: Client, workflowId: string): Promise<RecordedRun[]> {
  const runs: RecordedRun[] = [];
  const waiting: { workflowId: string; runId?: string | undefined }[] = [{ workflowId }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { workflowId: id, runId } = next;
    const history = await client.workflow.getHandle(id, runId).fetchHistory();
    const events = history.events ?? [];
    const workflow = events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? '';
    runs.push({ workflow, workflowId: id, history });
    for (const event of events) {
      const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
      const continued = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      if (child) waiting.push({ workflowId: child.workflowId ?? '', runId: child.runId ?? undefined });
      if (continued) waiting.push({ workflowId: id, runId: continued });
    }
  }
  return runs;
}

/** Every text in a value, payloads included, as a user of Temporal can read it. */
export function collectText(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array || Buffer.isBuffer(value)) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(collectText).join('');
}
