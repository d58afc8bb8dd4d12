import { createHash } from 'node:crypto';
import type { CalendarSpec, DayOfWeek, ScheduleSpec, ScheduleSpecDescription } from '@temporalio/client';
import type { Weekday, ScheduleSettings } from '../config/schedule-settings';

const dayNames: Readonly<Record<Weekday, DayOfWeek>> = {
  sun: 'SUNDAY',
  mon: 'MONDAY',
  tue: 'TUESDAY',
  wed: 'WEDNESDAY',
  thu: 'THURSDAY',
  fri: 'FRIDAY',
  sat: 'SATURDAY',
};

/** Default jitter of runs at a time of day, ms. */
const defaultJitterMs = 60_000;

/**
 * When the runs of a connection are due. An interval has an offset that follows from the connection's name, to avoid that all
 * hourly schedules start at once. For other times the server adds a random delay to each run.
 */
export function buildScheduleSpec(connection: string, settings: ScheduleSettings): ScheduleSpec {
  const { every, cron, at = [], on = [], time_zone: timezone, jitter } = settings;
  if (every !== undefined) {
    const offset = jitter === undefined ? chooseOffset(connection, every) : 0;
    return { intervals: [{ every, offset }], ...(jitter !== undefined && { jitter }) };
  }
  const comment = `at ${at.map(formatTimeOfDay).join(' and ')}${on.length === 0 ? '' : ` on ${on.join(', ')}`}`;
  const calendars = at.map<CalendarSpec>((time) => ({
    ...time,
    dayOfWeek: on.length === 0 ? '*' : on.map((day) => dayNames[day]),
    comment,
  }));
  return {
    // The server returns the text after # as the comment of the calendar.
    ...(cron === undefined ? { calendars } : { cronExpressions: [`${cron} # cron ${cron}`] }),
    ...(timezone !== undefined && { timezone }),
    jitter: jitter ?? defaultJitterMs,
  };
}

/** When the runs of a schedule are due: `every 1h`, `at 06:30 on mon, thu (Europe/Berlin)`, `by cron 0 6 * * *`. */
export function describeTiming({ intervals = [], calendars = [], timezone }: ScheduleSpecDescription): string {
  const [interval] = intervals;
  if (interval) return `every ${formatDuration(interval.every)}`;
  const times = [...new Set(calendars.map(({ comment }) => comment ?? 'calendar'))].join('; ');
  return timezone ? `${times} (${timezone})` : times;
}

/** In whole seconds, the server's resolution. */
function chooseOffset(name: string, intervalMs: number): number {
  const hash = createHash('sha256').update(name).digest().readUInt32BE();
  return (hash % Math.floor(intervalMs / 1_000)) * 1_000;
}

function formatTimeOfDay({ hour, minute }: { hour: number; minute: number }): string {
  return [hour, minute].map((part) => String(part).padStart(2, '0')).join(':');
}

const durationUnits = [
  { unit: 'd', ms: 86_400_000 },
  { unit: 'h', ms: 3_600_000 },
  { unit: 'm', ms: 60_000 },
  { unit: 's', ms: 1_000 },
];

/** Formats a duration exactly, as in a project file: `1h`, `90m`. */
export function formatDuration(milliseconds: number): string {
  const { unit, ms } = durationUnits.find((each) => milliseconds % each.ms === 0) ?? { unit: 'ms', ms: 1 };
  return `${milliseconds / ms}${unit}`;
}
