import { z } from 'zod';
import { defaultReadOptions, type ReadOptions } from '../streams/fetch-task';

/** A year: more is a slip, and far more would reach beyond the first date there is. */
const maxSeconds = 365 * 24 * 3600;
const secondsMessage = `must be a whole number of seconds from 0 to ${maxSeconds} (a year), without quotes`;

const secondsSetting = () =>
  z.int({ error: secondsMessage, abort: true }).min(0, secondsMessage).max(maxSeconds, secondsMessage);

/** How far the search for changed users reaches. */
export const searchWindowSettings = {
  lookback_seconds: secondsSetting().optional().meta({
    title: 'Lookback window (seconds)',
    description:
      "Incremental syncs of users start this long before the saved cursor, because Auth0's user search shows changes late. Users changed in that time are read again. Raise it if changes are missed.",
    default: defaultReadOptions.lookbackSeconds,
    order: 4,
  }),
  lag_seconds: secondsSetting().optional().meta({
    title: 'Lag (seconds)',
    description:
      "Incremental syncs of users end this long before the tenant's present time; what is newer comes with the next sync. With 0, all that the search shows is read.",
    default: defaultReadOptions.lagSeconds,
    order: 5,
  }),
};

/** Where the roles of organization members are taken from. */
export const rolesSettings = z.looseObject({
  source: z.enum(['inline', 'per_member']).optional().meta({
    title: 'Source of roles',
    description:
      'inline: with the list of members, at no further cost. per_member: one request for each member, some 100 times as many; much slower, for tenants whose lists of members leave roles out.',
    default: defaultReadOptions.rolesSource,
    order: 0,
  }),
});

/** The reading options as a configuration or a project's file writes them. */
interface ReadSettings {
  lookback_seconds?: number | undefined;
  lag_seconds?: number | undefined;
  roles?: { source?: ReadOptions['rolesSource'] | undefined } | undefined;
}

/** What is not set is as by default. */
export function toReadOptions({ lookback_seconds, lag_seconds, roles }: ReadSettings): ReadOptions {
  return {
    lookbackSeconds: lookback_seconds ?? defaultReadOptions.lookbackSeconds,
    lagSeconds: lag_seconds ?? defaultReadOptions.lagSeconds,
    rolesSource: roles?.source ?? defaultReadOptions.rolesSource,
  };
}
