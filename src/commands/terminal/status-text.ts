import type { Finding } from '../../preflight/finding';
import type { RunStatus, ScheduledRun, ScheduleStatus } from '../../temporal/run-status';
import { formatDuration } from '../../temporal/schedule-spec';
import type { StreamProgress } from '../../workflows/contract';
import { describeStream, stripFinalPeriod } from './stream-status';
import { formatMoment, wrapAfterLead, wrapIndented } from './text';

/**
 * The status of a connection's latest sync, on lines of at most 80 columns.
 * @param isInterrupted the process that ran the sync has ended; only for a running sync
 */
export function formatRunStatus(
  connection: string,
  run: RunStatus | undefined,
  now: Date,
  isInterrupted = false,
): string[] {
  if (!run) return wrapIndented(`no sync on record; start one with \`rollcall sync ${connection}\``, 2);
  const by = run.scheduled ? ', started by its schedule' : '';
  if ('endedAt' in run) {
    const records = run.records === undefined ? '' : ` (${run.records} records)`;
    const verdict = run.verdict === run.state ? '' : `: ${run.verdict}`;
    return wrapIndented(`last sync ended ${formatMoment(run.endedAt, now)}${by}: ${run.state}${records}${verdict}`, 2);
  }
  if (isInterrupted) {
    const what = `sync interrupted, started ${formatMoment(run.startedAt, now)}${by}`;
    return wrapIndented(`${what}; run \`rollcall sync ${connection}\` to resume it`, 2);
  }
  const isPaused = run.state === 'paused';
  const since = `sync ${isPaused ? 'paused, started' : 'running since'} ${formatMoment(run.startedAt, now)}${by}`;
  if (!run.streams) return wrapIndented(`${since}; no worker is responding, details unavailable`, 2);
  return [
    ...wrapIndented(since, 2),
    ...(run.pauseReason === undefined ? [] : formatPauseLines(run.pauseReason, `rollcall resume ${connection}`)),
    ...run.streams.flatMap((stream) => wrapIndented(formatStreamLine(stream, now), 4)),
  ];
}

function formatPauseLines(reason: string, command: string): string[] {
  return [
    ...wrapIndented(`reason: ${stripFinalPeriod(reason)}`, 4),
    ...wrapIndented(`run \`${command}\` to continue`, 4),
  ];
}

function formatStreamLine(progress: StreamProgress, now: Date): string {
  const { stream, delivered } = progress;
  const { status, reason } = describeStream(progress, now);
  const line = `${stream.padEnd(26)} ${status.padEnd(10)} ${String(delivered).padStart(9)} records`;
  if (reason === undefined) return line;
  return status === 'waiting' ? `${line}, waiting ${reason}` : `${line}: ${reason}`;
}

/** The status of a schedule, on lines of at most 80 columns. */
export function formatScheduleStatus(connection: string, schedule: ScheduleStatus, now: Date): string[] {
  const { timing, paused, pauseReason = 'paused by a user', nextRunAt, catchUpMs, recentRuns } = schedule;
  const next = nextRunAt === undefined ? 'no run is scheduled' : `next run ${formatMoment(nextRunAt, now)}`;
  const counts =
    `${schedule.skippedRuns} skipped (previous run still running), ` +
    `${schedule.missedRuns} missed (more than ${formatDuration(catchUpMs)} late)`;
  return [
    ...wrapIndented(`schedule: ${timing}; ${paused ? 'paused' : next}`, 2),
    ...(paused ? formatPauseLines(pauseReason, `rollcall schedule resume ${connection}`) : []),
    ...wrapIndented(counts, 4),
    ...recentRuns.flatMap((run) => wrapIndented(formatScheduledRun(run, now), 4)),
  ];
}

function formatScheduledRun({ dueAt, outcome, verdict, records, blockedByRunSince }: ScheduledRun, now: Date): string {
  const count = records === undefined ? '' : ` (${records} records)`;
  const reason = verdict === undefined || verdict === outcome ? '' : `: ${verdict}`;
  const since = blockedByRunSince === undefined ? '' : `, since ${formatMoment(blockedByRunSince, now)}`;
  return `${formatMoment(dueAt, now)}  ${outcome}${count}${reason}${since}`;
}

const findingLabels = { ok: 'ok', warning: 'warning', error: 'ERROR' };

/** A finding, on lines of at most 80 columns. */
export function formatFinding({ state, check, message, fix }: Finding): string {
  const label = check === 'budget' ? 'rate limit' : check;
  return wrapAfterLead(
    `${findingLabels[state].padEnd(8)} ${label.padEnd(17)} `,
    fix === undefined ? message : `${message} ${fix}`,
  );
}
