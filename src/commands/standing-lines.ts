import { formatDuration } from '../temporal/schedule-spec';
import type { ScheduledRun, RunStatus, ScheduleStatus } from '../temporal/standing';
import type { StreamProgress } from '../workflows/contract';
import { wrapIndented, formatMoment } from './lines';

/** How a connection's newest sync stands, on lines of at most 80 columns. */
export function formatRunStatus(connection: string, run: RunStatus | undefined, now: Date): string[] {
  if (!run) return wrapIndented(`no sync is remembered; \`rollcall sync ${connection}\` starts one`, 2);
  const by = run.scheduled ? ', begun by its schedule' : '';
  if ('endedAt' in run) {
    const rows = run.records === undefined ? '' : ` (${run.records} rows)`;
    const said = run.verdict === run.state ? '' : `: ${run.verdict}`;
    return wrapIndented(`last sync ended ${formatMoment(run.endedAt, now)}${by}: ${run.state}${rows}${said}`, 2);
  }
  const since = `sync ${run.state === 'paused' ? 'paused, begun' : 'under way since'} ${formatMoment(run.startedAt, now)}${by}`;
  if (!run.streams) return wrapIndented(`${since}; no worker answers, so that nothing more is known`, 2);
  return [
    ...wrapIndented(since, 2),
    ...(run.pauseReason === undefined
      ? []
      : [...wrapIndented(`because ${stripFinalPeriod(run.pauseReason)};`, 4), ...wrapIndented(`\`rollcall resume ${connection}\` goes on`, 4)]),
    ...run.streams.flatMap((stream) => wrapIndented(formatStreamLine(stream, now), 4)),
  ];
}

function formatStreamLine({ stream, status, delivered, waitingUntil, failure }: StreamProgress, now: Date): string {
  const line = `${stream.padEnd(26)} ${status.padEnd(10)} ${String(delivered).padStart(9)} rows`;
  if (failure) return `${line}: ${failure.message}`;
  return waitingUntil === undefined ? line : `${line}, waits for Auth0's limit until ${formatMoment(waitingUntil, now)}`;
}

/** How a schedule stands, on lines of at most 80 columns. */
export function formatScheduleStatus(connection: string, schedule: ScheduleStatus, now: Date): string[] {
  const { timing, paused, pauseReason, nextRunAt, skippedRuns: skipped, missedRuns, catchUpMs, recentRuns } = schedule;
  const due = paused ? 'paused' : nextRunAt === undefined ? 'no run is due' : `next run ${formatMoment(nextRunAt, now)}`;
  return [
    ...wrapIndented(`schedule: ${timing}; ${due}`, 2),
    ...(paused
      ? [
          ...wrapIndented(`because ${stripFinalPeriod(pauseReason ?? 'somebody has paused it')};`, 4),
          ...wrapIndented(`\`rollcall schedule resume ${connection}\` goes on`, 4),
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
