import type { Client, WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { RollcallError } from '../errors';
import type { FetchCounts } from '../protocol';
import { zeroCounts } from '../streams/counts';
import type { Pause } from '../workflows/pause-lock';
import { pauseName, resumeName, toWorkflowId } from '../workflows/names';
import { findNewestRun } from './sync-run';

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];
type Payload = Parameters<typeof defaultPayloadConverter.fromPayload>[0];

/** An event of a run, for users. */
export interface RunEvent {
  /** Epoch ms. */
  at: number;
  /** `sync`, or the end of a child workflow's id: `users`. */
  workflow: string;
  text: string;
}

/** The events of a workflow's history that concern users, in order. */
function toRunEvents(events: readonly HistoryEvent[], workflow: string): RunEvent[] {
  const scheduled = new Map<string, HistoryEvent>();
  const started = new Map<string, HistoryEvent>();
  return events.flatMap((event) => {
    if (event.activityTaskScheduledEventAttributes) scheduled.set(String(event.eventId), event);
    const start = event.activityTaskStartedEventAttributes;
    if (start) started.set(String(start.scheduledEventId), event);
    const closing =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    const id = String(closing?.scheduledEventId);
    const text = closing
      ? describeActivity(event, scheduled.get(id), started.get(id))
      : (describeLifecycle(event, workflow) ?? (workflow === 'sync' ? describeControl(event) : describeTimer(event)));
    return text === undefined ? [] : [{ at: readEventTime(event), workflow, text }];
  });
}

/** Epoch ms. */
function readEventTime({ eventTime }: Pick<HistoryEvent, 'eventTime'>): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + Math.floor((eventTime?.nanos ?? 0) / 1e6);
}

/** How a fetch or a delivery ended. Other activities are reported only when they failed. */
function describeActivity(
  event: HistoryEvent,
  scheduled: HistoryEvent | undefined,
  started: HistoryEvent | undefined,
): string | undefined {
  const type = scheduled?.activityTaskScheduledEventAttributes?.activityType?.name ?? 'activity';
  const { attempt, lastFailure } = started?.activityTaskStartedEventAttributes ?? {};
  const name = (scheduled && readSummary(scheduled)) ?? type;
  const failure =
    event.activityTaskFailedEventAttributes?.failure ?? event.activityTaskTimedOutEventAttributes?.failure;
  if (failure) return `${name}: failed: ${failure.cause?.message ?? failure.message ?? 'for an unknown reason'}`;
  if (event.activityTaskCanceledEventAttributes) return `${name}: stopped`;
  const cause = lastFailure?.message ?? 'failed';
  const before = lastFailure ? ` (attempt ${attempt ?? '?'}; previous attempt: ${cause})` : '';
  if (type === 'deliver') return `${name}: delivered${before}`;
  if (type !== 'fetchPages') return before === '' ? undefined : `${name}: done${before}`;
  const result = decodePayload(event.activityTaskCompletedEventAttributes?.result?.payloads?.[0]) as
    { counts: FetchCounts } | undefined;
  const { pages, rows, requests } = result?.counts ?? zeroCounts;
  return `${name}: ${formatCount(pages, 'page')}, ${formatCount(rows, 'row')}, ${formatCount(requests, 'request')}${before}`;
}

/** How a workflow started and ended. */
function describeLifecycle(event: HistoryEvent, workflow: string): string | undefined {
  const start = event.workflowExecutionStartedEventAttributes;
  if (start) return workflow === 'sync' && !start.continuedExecutionRunId ? 'started' : undefined;
  if (event.workflowExecutionCompletedEventAttributes) return 'complete';
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) return failed.failure?.message ?? 'failed';
  if (event.workflowExecutionCanceledEventAttributes) return 'cancelled';
  if (event.workflowExecutionTerminatedEventAttributes) {
    return `terminated: ${event.workflowExecutionTerminatedEventAttributes.reason ?? ''}`;
  }
  return event.workflowExecutionTimedOutEventAttributes ? 'timed out' : undefined;
}

/** What a user did to the run. */
function describeControl(event: HistoryEvent): string | undefined {
  if (event.workflowExecutionCancelRequestedEventAttributes) return 'cancellation requested';
  const signal = event.workflowExecutionSignaledEventAttributes;
  const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
  const name = signal?.signalName ?? update?.name;
  if (name === resumeName) return 'resumed';
  if (name !== pauseName) return undefined;
  const pause = decodePayload((signal?.input ?? update?.args)?.payloads?.[0]) as Pause | undefined;
  return `paused: ${pause?.reason ?? 'no reason given'}`;
}

function describeTimer(event: HistoryEvent): string | undefined {
  const wait = event.timerStartedEventAttributes?.startToFireTimeout;
  if (!wait) return undefined;
  const seconds = Number(wait.seconds ?? 0) + (wait.nanos ?? 0) / 1e9;
  return `waits ${seconds.toFixed(0)} s for ${readSummary(event) ?? 'a timer'}`;
}

function formatCount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function decodePayload(payload: Payload | null | undefined): unknown {
  return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
}

function readSummary({ userMetadata }: HistoryEvent): string | undefined {
  return decodePayload(userMetadata?.summary) as string | undefined;
}

/** The server has no run of the connection: none ran, or its retention period has passed. */
export class NoRunKept extends RollcallError {
  readonly failureType = 'config_error';
  constructor(connection: string) {
    super(
      `no sync of ${connection} on record: none has run on this server, or its retention period has passed.`,
      `Start one with \`rollcall sync ${connection}\`.`,
    );
  }
}

/** The events of a connection's newest run. */
export interface RunLog {
  /** In chronological order. */
  events: RunEvent[];
  /** Activities that are being retried, and why. */
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
    // A workflow that has ended has no pending activities.
    if (status.name === 'RUNNING') {
      const { pendingActivities } = (await handle.describe()).raw;
      retrying.push(...(pendingActivities ?? []).flatMap((each) => toRetryEvents(each, name)));
    }
  }
  events.sort((one, other) => one.at - other.at);
  return { events, retrying, running: status.name === 'RUNNING' };
}

/** The child workflows in a history, and the run as which it continued. */
function listFollowingRuns(
  events: readonly HistoryEvent[],
  workflowId: string,
): { workflowId: string; runId: string }[] {
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
  const text = `${activityType?.name ?? 'activity'}: retrying (attempt ${attempt ?? '?'}): ${lastFailure.message ?? 'failed'}`;
  return [{ at: readEventTime({ eventTime }), workflow, text }];
}
