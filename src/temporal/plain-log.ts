import type { LogEntry } from '@temporalio/worker';

/** The shape of an ApplicationFailure. */
interface LoggedFailure {
  name?: string;
  message: string;
  nonRetryable?: boolean | null;
}

/**
 * Workers that have only workflows or only activities have so on purpose; how a workflow failed is its starter's to tell; who
 * asked how it stands, and has gone before the answer, misses nothing.
 */
const ignoredMessages = /^No (activities|workflows) registered, not polling|^Workflow failed$|^Query not found when /;

/**
 * An entry of Temporal's log for people, or undefined when it says nothing new. Activities fail on purpose, in words meant
 * for the reader: where in the code that was says no more, and what is not tried again is told as the result.
 */
export function simplifyLogEntry(entry: LogEntry): LogEntry | undefined {
  if (ignoredMessages.test(entry.message)) return undefined;
  const { error, workflowId, attempt } = entry.meta ?? {};
  if ((error as LoggedFailure | undefined)?.name !== 'ApplicationFailure') return entry;
  const { message, nonRetryable } = error as LoggedFailure;
  if (nonRetryable) return undefined;
  return {
    level: entry.level,
    timestampNanos: entry.timestampNanos,
    message: `${String(workflowId)}: attempt ${String(attempt)} failed: ${message}`,
  };
}
