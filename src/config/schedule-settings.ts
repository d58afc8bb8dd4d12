import { parse } from '@lukeed/ms';
import { z } from 'zod';

/** In the order of crontab's numbers, Sunday first. */
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof weekdays)[number];

export const overlapPolicies = ['skip', 'buffer_one'] as const;

const durationMessage = 'must be a duration such as 30s, 15m, 1h or 1d';
const timeMessage = 'must be a time of day such as 06:30, in quotes';
const daysMessage = `must be days of the week: ${weekdays.join(', ')}`;

/** A duration in whole seconds, parsed to milliseconds. */
const durationSetting = (minMs: number, tooShort: string) =>
  z
    .string(durationMessage)
    .regex(/^\d+(\.\d+)? ?[a-z]+$/i, { error: durationMessage, abort: true })
    .transform((written, context) => {
      // The parser does not accept 0.
      const read = parseFloat(written) === 0 ? 0 : (parse(written) ?? NaN);
      if (Number.isNaN(read) || read % 1_000 !== 0) context.addIssue({ code: 'custom', message: durationMessage });
      else if (read < minMs) context.addIssue({ code: 'custom', message: tooShort });
      return read;
    });

/** One or several values, as a list or separated by commas. */
const listSetting = (error: string) =>
  z
    .union([z.string(), z.array(z.string())], { error })
    .transform((written) => [written].flat().flatMap((each) => each.split(',').map((part) => part.trim())));

const timesOfDaySetting = listSetting(timeMessage).pipe(
  z.array(
    z
      .string()
      .regex(/^([01]?\d|2[0-3]):[0-5]\d$/, timeMessage)
      .transform((time) => {
        const [hour, minute] = time.split(':').map(Number) as [number, number];
        return { hour, minute };
      }),
  ),
);

const daysOfWeekSetting = listSetting(daysMessage)
  .transform((written) => written.map((day) => day.slice(0, 3).toLowerCase()))
  .pipe(z.array(z.enum(weekdays, daysMessage)));

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    // JavaScript accepts offsets, Temporal does not.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

/** A schedule as `rollcall.yaml` and the options of `rollcall schedule create` write it. */
export const scheduleSettings = z
  .strictObject({
    every: durationSetting(1_000, 'must be 1s or longer').optional().meta({
      description: 'Interval between runs, such as 30m, 1h or 1d.',
    }),
    cron: z
      .string()
      .regex(/^(@\w+|\S+( +\S+){4,6})$/, 'must be a cron expression such as 0 6 * * *, in quotes')
      .optional()
      .meta({ description: 'Cron expression: minute, hour, day of month, month, day of week.' }),
    at: timesOfDaySetting.optional().meta({ description: 'One or more times of day, such as 06:30.' }),
    on: daysOfWeekSetting.optional().meta({ description: `Days of the week for at: ${weekdays.join(', ')}.` }),
    time_zone: z
      .string()
      .refine(isTimeZone, 'must be a time zone such as Europe/Berlin')
      .optional()
      .meta({ description: 'Time zone of cron and at, such as Europe/Berlin. Default: UTC.' }),
    jitter: durationSetting(0, durationMessage).optional().meta({
      description:
        'Maximum delay of a run, to spread the load. Default: with every, a fixed offset per connection within the interval; otherwise up to one minute.',
    }),
    pause_after: z.int('must be a whole number').min(0, 'must be 0 (never) or more').optional().meta({
      description: 'Consecutive failed runs after which the schedule pauses; 0: never. Default: 3.',
      default: 3,
    }),
    overlap: z.enum(overlapPolicies).optional().meta({
      description:
        'What to do when a run is due while the previous one is still running: skip it, or start it when the previous run ends (buffer_one). Default: skip.',
      default: 'skip',
    }),
    catch_up: durationSetting(10_000, 'must be 10s or longer').optional().meta({
      description:
        'How late a run may start after an outage of the Temporal server. Later runs are counted as missed. Default: 1h.',
      default: '1h',
    }),
  })
  .refine(
    ({ every, cron, at }) => [every, cron, at].filter((each) => each !== undefined).length === 1,
    'must contain exactly one of every, cron and at',
  )
  .refine(({ on, at }) => on === undefined || at !== undefined, {
    path: ['on'],
    error: 'requires at, the time of day',
  })
  .refine(({ time_zone: zone, every }) => zone === undefined || every === undefined, {
    path: ['time_zone'],
    error: 'cannot be combined with every',
  });

/** Durations are in milliseconds. */
export type ScheduleSettings = z.output<typeof scheduleSettings>;
