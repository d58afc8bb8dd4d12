import { parse } from '@lukeed/ms';
import { z } from 'zod';

/** As crontabs write them; the place is the day's number, Sunday 0. */
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof weekdays)[number];

export const overlapPolicies = ['skip', 'buffer_one'] as const;

const durationMessage = 'must be a duration such as 30s, 15m, 1h or 1d';
const timeMessage = 'must be a time of the day such as 06:30, in quotes';
const daysMessage = `must be days of the week: ${weekdays.join(', ')}`;

/** A duration as written, in whole seconds; read as milliseconds. */
const durationSetting = (least: number, tooShort: string) =>
  z
    .string(durationMessage)
    .regex(/^\d+(\.\d+)? ?[a-z]+$/i, { error: durationMessage, abort: true })
    .transform((written, context) => {
      // The parser takes 0 for no duration.
      const read = parseFloat(written) === 0 ? 0 : (parse(written) ?? NaN);
      if (Number.isNaN(read) || read % 1_000 !== 0) context.addIssue({ code: 'custom', message: durationMessage });
      else if (read < least) context.addIssue({ code: 'custom', message: tooShort });
      return read;
    });

/** One or several, in a list or with commas between them. */
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
    // JavaScript takes offsets too, Temporal does not.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

/** When a connection is copied, as `rollcall.yaml` and the flags of `rollcall schedule create` write it. */
export const scheduleSettings = z
  .strictObject({
    every: durationSetting(1_000, 'must be 1s or longer').optional().meta({
      description: 'A run each time that long has passed, such as 30m, 1h or 1d.',
    }),
    cron: z
      .string()
      .regex(/^(@\w+|\S+( +\S+){4,6})$/, 'must be a cron expression such as 0 6 * * *, in quotes')
      .optional()
      .meta({ description: 'Runs at the times of a cron expression: minute, hour, day of month, month, day of week.' }),
    at: timesOfDaySetting
      .optional()
      .meta({ description: 'A run at that time of the day, such as 06:30; or at several.' }),
    on: daysOfWeekSetting.optional().meta({ description: `Only on these days, with at: ${weekdays.join(', ')}.` }),
    time_zone: z
      .string()
      .refine(isTimeZone, 'must be a time zone such as Europe/Berlin')
      .optional()
      .meta({ description: 'Time zone of cron and at, such as Europe/Berlin. Default: UTC.' }),
    jitter: durationSetting(0, durationMessage).optional().meta({
      description:
        'How much later than its time a run may begin, so that connections do not begin all at once. Default: with every, the connection has its own place within the interval; else up to a minute.',
    }),
    pause_after: z.int('must be a whole number').min(0, 'must be 0 (never) or more').optional().meta({
      description: 'Failed runs in a row after which the schedule pauses itself; 0: never. Default: 3.',
      default: 3,
    }),
    overlap: z.enum(overlapPolicies).optional().meta({
      description:
        'What becomes of a run that is due while the one before is under way: skip it, or begin it when that has ended (buffer_one). Default: skip.',
      default: 'skip',
    }),
    catch_up: durationSetting(10_000, 'must be 10s or longer').optional().meta({
      description: 'How late a run may begin when the Temporal server was away; later ones are missed. Default: 1h.',
      default: '1h',
    }),
  })
  .refine(
    ({ every, cron, at }) => [every, cron, at].filter((each) => each !== undefined).length === 1,
    'must have one of every, cron and at',
  )
  .refine(({ on, at }) => on === undefined || at !== undefined, {
    path: ['on'],
    error: 'needs at, the time of the day',
  })
  .refine(({ time_zone: zone, every }) => zone === undefined || every === undefined, {
    path: ['time_zone'],
    error: 'means nothing beside every',
  });

/** When a connection is copied. Durations are milliseconds; what is not set is as by default. */
export type ScheduleSettings = z.output<typeof scheduleSettings>;
