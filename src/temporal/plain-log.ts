import type { LogEntry } from '@temporalio/worker';

/** The shape of an ApplicationFailure; those of the workflows' sandbox are of another realm. */
interface Failure {
  name?: string;
  message: string;
  nonRetryable?: boolean | null;
}

/** Warnings about workers that have only workflows or only activities, which ours have on purpose. */
const meant = /^No (activities|workflows) registered, not polling/;

/**
 * An entry of Temporal's log for people, or undefined when it says nothing new. Activities and workflows fail on purpose,
 * in words meant for the reader: where that came from says no more, and what is not tried again is told as the result.
 */
export function plainEntry(entry: LogEntry): LogEntry | undefined {
  if (meant.test(entry.message)) return undefined;
  const { error, workflowId, attempt } = entry.meta ?? {};
  if ((error as Failure | undefined)?.name !== 'ApplicationFailure') return entry;
  const { message, nonRetryable } = error as Failure;
  if (nonRetryable || entry.message === 'Workflow failed') return undefined;
  return {
    level: entry.level,
    timestampNanos: entry.timestampNanos,
    message: `${String(workflowId)}: attempt ${String(attempt)} failed: ${message}`,
  };
}
