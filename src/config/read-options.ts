import { z } from 'zod';
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

/** The read options as written. */
interface ReadSettings {
  lookback_seconds?: number | undefined;
  lag_seconds?: number | undefined;
  roles?: { source?: ReadOptions['rolesSource'] | undefined } | undefined;
}

export function toReadOptions({ lookback_seconds, lag_seconds, roles }: ReadSettings): ReadOptions {
  return {
    lookbackSeconds: lookback_seconds ?? defaultReadOptions.lookbackSeconds,
    lagSeconds: lag_seconds ?? defaultReadOptions.lagSeconds,
    rolesSource: roles?.source ?? defaultReadOptions.rolesSource,
  };
}
