import { durationWords } from '../temporal/schedule-spec';
import type { Firing, RunStanding, ScheduleStanding } from '../temporal/standing';
import type { StreamProgress } from '../workflows/contract';
import { fold, moment } from './lines';

/** How a connection's newest sync stands, on lines of at most 80 columns. */
export function runLines(connection: string, run: RunStanding | undefined, now: Date): string[] {
  if (!run) return fold(`no sync is remembered; \`rollcall sync ${connection}\` starts one`, 2);
  const by = run.scheduled ? ', begun by its schedule' : '';
  if ('ended' in run) {
    const rows = run.rows === undefined ? '' : ` (${run.rows} rows)`;
    const said = run.verdict === run.state ? '' : `: ${run.verdict}`;
    return fold(`last sync ended ${moment(run.ended, now)}${by}: ${run.state}${rows}${said}`, 2);
  }
  const since = `sync ${run.state === 'paused' ? 'paused, begun' : 'under way since'} ${moment(run.since, now)}${by}`;
  if (!run.streams) return fold(`${since}; no worker answers, so that nothing more is known`, 2);
  return [
    ...fold(since, 2),
    ...(run.reason === undefined
      ? []
      : [...fold(`because ${plain(run.reason)};`, 4), ...fold(`\`rollcall resume ${connection}\` goes on`, 4)]),
    ...run.streams.flatMap((stream) => fold(streamLine(stream, now), 4)),
  ];
}

function streamLine({ stream, status, delivered, waitingUntil, failure }: StreamProgress, now: Date): string {
  const line = `${stream.padEnd(26)} ${status.padEnd(10)} ${String(delivered).padStart(9)} rows`;
  if (failure) return `${line}: ${failure.message}`;
  return waitingUntil === undefined ? line : `${line}, waits for Auth0's limit until ${moment(waitingUntil, now)}`;
}

/** How a schedule stands, on lines of at most 80 columns. */
export function scheduleLines(connection: string, schedule: ScheduleStanding, now: Date): string[] {
  const { times, paused, reason, next, skippedForOverlap: skipped, missed, catchUpMs, firings } = schedule;
  const due = paused ? 'paused' : next === undefined ? 'no run is due' : `next run ${moment(next, now)}`;
  return [
    ...fold(`schedule: ${times}; ${due}`, 2),
    ...(paused
      ? [
          ...fold(`because ${plain(reason ?? 'somebody has paused it')};`, 4),
          ...fold(`\`rollcall schedule resume ${connection}\` goes on`, 4),
        ]
      : []),
    ...fold(
      `${skipped} skipped while the one before ran, ${missed} missed by more than ${durationWords(catchUpMs)}`,
      4,
    ),
    ...firings.flatMap((firing) => fold(firingLine(firing, now), 4)),
  ];
}

function firingLine({ at, outcome, verdict, rows, busySince }: Firing, now: Date): string {
  const count = rows === undefined ? '' : ` (${rows} rows)`;
  const said = verdict === undefined || verdict === outcome ? '' : `: ${verdict}`;
  const since = busySince === undefined ? '' : `, since ${moment(busySince, now)}`;
  return `${moment(at, now)}  ${outcome}${count}${said}${since}`;
}

/** Reasons continue a sentence. */
function plain(reason: string): string {
  return reason.replace(/\.$/, '');
}
