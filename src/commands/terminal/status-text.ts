import { exitCodes } from '../../errors';
import type { RunStatus, ScheduledRun, ScheduleStatus } from '../../temporal/run-status';
import { formatDuration } from '../../temporal/schedule-spec';
import type { StreamProgress, StreamResult, SyncResult } from '../../workflows/contract';
import { formatMoment, formatTable, wrapIndented } from './text';

/** How a connection's newest sync stands, on lines of at most 80 columns. */
export function formatRunStatus(connection: string, run: RunStatus | undefined, now: Date): string[] {
  if (!run) return wrapIndented(`no sync on record; start one with \`rollcall sync ${connection}\``, 2);
  const by = run.scheduled ? ', started by its schedule' : '';
  if ('endedAt' in run) {
    const rows = run.records === undefined ? '' : ` (${run.records} rows)`;
    const said = run.verdict === run.state ? '' : `: ${run.verdict}`;
    return wrapIndented(`last sync ended ${formatMoment(run.endedAt, now)}${by}: ${run.state}${rows}${said}`, 2);
  }
  const since = `sync ${run.state === 'paused' ? 'paused, started' : 'running since'} ${formatMoment(run.startedAt, now)}${by}`;
  if (!run.streams) return wrapIndented(`${since}; no worker is responding, details unavailable`, 2);
  return [
    ...wrapIndented(since, 2),
    ...(run.pauseReason === undefined
      ? []
      : [
          ...wrapIndented(`because ${stripFinalPeriod(run.pauseReason)};`, 4),
          ...wrapIndented(`run \`rollcall resume ${connection}\` to continue`, 4),
        ]),
    ...run.streams.flatMap((stream) => wrapIndented(formatStreamLine(stream, now), 4)),
  ];
}

function formatStreamLine({ stream, status, delivered, waitingUntil, failure }: StreamProgress, now: Date): string {
  const line = `${stream.padEnd(26)} ${status.padEnd(10)} ${String(delivered).padStart(9)} rows`;
  if (failure) return `${line}: ${failure.message}`;
  return waitingUntil === undefined
    ? line
    : `${line}, waits for Auth0's limit until ${formatMoment(waitingUntil, now)}`;
}

/** How a schedule stands, on lines of at most 80 columns. */
export function formatScheduleStatus(connection: string, schedule: ScheduleStatus, now: Date): string[] {
  const { timing, paused, pauseReason, nextRunAt, skippedRuns: skipped, missedRuns, catchUpMs, recentRuns } = schedule;
  const due = paused
    ? 'paused'
    : nextRunAt === undefined
      ? 'no run is due'
      : `next run ${formatMoment(nextRunAt, now)}`;
  return [
    ...wrapIndented(`schedule: ${timing}; ${due}`, 2),
    ...(paused
      ? [
          ...wrapIndented(`because ${stripFinalPeriod(pauseReason ?? 'somebody has paused it')};`, 4),
          ...wrapIndented(`run \`rollcall schedule resume ${connection}\` to continue`, 4),
        ]
      : []),
    ...wrapIndented(
      `${skipped} skipped while the one before ran, ${missedRuns} missed by more than ${formatDuration(catchUpMs)}`,
      4,
    ),
    ...recentRuns.flatMap((firing) => wrapIndented(formatScheduledRun(firing, now), 4)),
  ];
}

function formatScheduledRun({ dueAt, outcome, verdict, records, blockedByRunSince }: ScheduledRun, now: Date): string {
  const count = records === undefined ? '' : ` (${records} rows)`;
  const said = verdict === undefined || verdict === outcome ? '' : `: ${verdict}`;
  const since = blockedByRunSince === undefined ? '' : `, since ${formatMoment(blockedByRunSince, now)}`;
  return `${formatMoment(dueAt, now)}  ${outcome}${count}${said}${since}`;
}

/** Reasons continue a sentence. */
function stripFinalPeriod(reason: string): string {
  return reason.replace(/\.$/, '');
}

/** A part is not a whole: success only when every stream is complete. */
export function getResultExitCode({ status, streams }: SyncResult): number {
  if (status === 'complete') return exitCodes.ok;
  if (status === 'partial') return exitCodes.partial;
  const codes = new Set(streams.map(({ failure }) => failure?.exitCode ?? exitCodes.failed));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : exitCodes.failed;
}

/**
 * What a sync did, for a reader at a terminal: a table of at most 80 columns, and below it the streams that are complete
 * but for something, and the verdict on the whole. Why others are incomplete is told by `failureLines`.
 */
export function formatResultTable(result: SyncResult, seconds: number): string {
  const lines = result.streams.map(({ stream, status, records, counts, seconds: took }) => {
    return [stream, status, records, counts.requests, took.toFixed(1)];
  });
  const requests = result.streams.reduce((sum, { counts }) => sum + counts.requests, 0);
  const rows = result.streams.reduce((sum, { records }) => sum + records, 0);
  lines.push(['total', result.status, rows, requests, seconds.toFixed(1)]);
  const table = formatTable(['stream', 'status', 'rows', 'requests', 'seconds'], lines, 2);
  return [table, ...formatVerdictLines(result.streams.filter(isCompleteWithExceptions)), formatTotalLine(result)].join(
    '\n',
  );
}

/** The verdict on the whole; that of the run repeats the streams' reasons, each of which has a line of its own here. */
function formatTotalLine({ verdict, streams }: SyncResult): string {
  const namesOf = (some: StreamResult[]): string => some.map(({ stream }) => stream).join(', ');
  const [incomplete, excepted] = [streams.filter(isIncomplete), streams.filter(isCompleteWithExceptions)];
  if (incomplete.length > 0) return `total: incomplete (${namesOf(incomplete)})`;
  return `total: ${excepted.length > 0 ? `complete, with exceptions in ${namesOf(excepted)}` : verdict}`;
}

/** All that is known of a sync, on one line of JSON. */
export function formatResultJson(result: SyncResult, seconds: number): string {
  return JSON.stringify({ event: 'end', seconds, ...result });
}

/** Why streams are incomplete: one line for each reason. */
export function formatFailureLines({ streams }: SyncResult): string[] {
  return formatVerdictLines(streams.filter(isIncomplete));
}

function isIncomplete({ status }: StreamResult): boolean {
  return status === 'incomplete';
}

/** Complete but for something. */
function isCompleteWithExceptions({ status, verdict }: StreamResult): boolean {
  return status === 'complete' && verdict !== 'complete';
}

/** One line for each verdict, with the streams that it holds for. */
function formatVerdictLines(streams: readonly StreamResult[]): string[] {
  const streamsOf = new Map<string, string[]>();
  for (const { stream, verdict } of streams) streamsOf.set(verdict, [...(streamsOf.get(verdict) ?? []), stream]);
  return [...streamsOf].map(([verdict, names]) => `${names.join(', ')}: ${verdict}`);
}
