import { z } from 'zod';
import { defined } from '../json';
import { defaultReadOptions, type ReadOptions } from '../streams/fetch-task';

/** A year. More is a mistake, and much more would exceed the range of dates. */
const maxSeconds = 365 * 24 * 3600;
const secondsMessage = `must be a whole number of seconds from 0 to ${maxSeconds} (a year), without quotes`;

const secondsSetting = () =>
  z.int({ error: secondsMessage, abort: true }).min(0, secondsMessage).max(maxSeconds, secondsMessage);

/** The time range of the search for changed users. */
export const searchWindowSettings = {
  lookback_seconds: secondsSetting().optional().meta({
    title: 'Lookback window (seconds)',
    description:
      "How long before the saved cursor an incremental sync of users starts. Auth0's user search shows changes with a delay; users changed in this window are read again. Increase it if changes are missed.",
    default: defaultReadOptions.lookbackSeconds,
    order: 4,
  }),
  lag_seconds: secondsSetting().optional().meta({
    title: 'Lag (seconds)',
    description:
      "How long before the tenant's current time an incremental sync of users ends. Later changes are read by the next sync. With 0, everything that the search shows is read.",
    default: defaultReadOptions.lagSeconds,
    order: 5,
  }),
};

/** How to read the roles of organization members. */
export const rolesSettings = z.looseObject({
  source: z.enum(['inline', 'per_member']).optional().meta({
    title: 'Source of roles',
    description:
      'inline: roles are read with the member list, without extra requests. per_member: one request per member, about 100 times as many requests; use it only if member lists lack roles.',
    default: defaultReadOptions.rolesSource,
    order: 0,
  }),
});

/** @param settings as written */
export function toReadOptions({
  lookback_seconds: lookbackSeconds,
  lag_seconds: lagSeconds,
  roles,
}: z.output<z.ZodObject<typeof searchWindowSettings>> & {
  roles?: z.output<typeof rolesSettings> | undefined;
}): ReadOptions {
  return { ...defaultReadOptions, ...defined({ lookbackSeconds, lagSeconds, rolesSource: roles?.source }) };
}

/** How much of a tenant's rate limit to use. */
export interface PacingOptions {
  /** Share of the rate limit that is left to other traffic, 0 to 0.9. */
  reserve: number;
  /** Maximum number of concurrent requests. Absent: adapts to latency and rate limit. */
  maxConcurrency?: number;
}

const defaultReserve = 0.1;
const shareMessage = 'must be a number from 0 to 0.9, without quotes';
const countMessage = 'must be a whole number from 1 to 100, without quotes';

export const pacingSettings = {
  rate_limit_reserve: z.number({ error: shareMessage }).min(0, shareMessage).max(0.9, shareMessage).optional().meta({
    title: 'Rate limit reserve',
    description:
      "Share of the tenant's rate limit to leave free for other traffic. 0.1 leaves 10%; 0 uses all requests that other applications leave.",
    default: defaultReserve,
    order: 7,
  }),
  max_concurrency: z
    .int({ error: countMessage, abort: true })
    .min(1, countMessage)
    .max(100, countMessage)
    .optional()
    .meta({
      title: 'Concurrent requests',
      description: 'Maximum number of concurrent requests. If empty, the number adapts to latency and rate limit.',
      order: 8,
    }),
};

/** @param settings as written */
export function toPacingOptions({
  rate_limit_reserve: reserve = defaultReserve,
  max_concurrency: maxConcurrency,
}: z.output<z.ZodObject<typeof pacingSettings>>): PacingOptions {
  return { reserve, ...defined({ maxConcurrency }) };
}
