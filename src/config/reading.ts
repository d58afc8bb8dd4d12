import { z } from 'zod';
import { defaultReading, type ReadingOptions } from '../streams/options';

/** A year: more is a slip, and far more would reach beyond the first date there is. */
const mostSeconds = 365 * 24 * 3600;
const notSeconds = `must be a whole number of seconds from 0 to ${mostSeconds} (a year), without quotes`;

const seconds = () => z.int({ error: notSeconds, abort: true }).min(0, notSeconds).max(mostSeconds, notSeconds);

/** How far the search for changed users reaches. */
export const reachSettings = {
  lookback_seconds: seconds().optional().meta({
    title: 'Lookback window (seconds)',
    description:
      "Incremental syncs of users start this long before the saved cursor, because Auth0's user search shows changes late. Users changed in that time are read again. Raise it if changes are missed.",
    default: defaultReading.lookbackSeconds,
    order: 4,
  }),
  lag_seconds: seconds().optional().meta({
    title: 'Lag (seconds)',
    description:
      "Incremental syncs of users end this long before the tenant's present time; what is newer comes with the next sync. With 0, all that the search shows is read.",
    default: defaultReading.lagSeconds,
    order: 5,
  }),
};

/** Where the roles of organization members are taken from. */
export const rolesSettings = z.looseObject({
  source: z.enum(['inline', 'per_member']).optional().meta({
    title: 'Source of roles',
    description:
      'inline: with the list of members, at no further cost. per_member: one request for each member, some 100 times as many; much slower, for tenants whose lists of members leave roles out.',
    default: defaultReading.rolesSource,
    order: 0,
  }),
});

/** The reading options as a configuration or a project's file writes them. */
interface ReadingSettings {
  lookback_seconds?: number | undefined;
  lag_seconds?: number | undefined;
  roles?: { source?: ReadingOptions['rolesSource'] | undefined } | undefined;
}

/** What is not set is as by default. */
export function readingOf({ lookback_seconds, lag_seconds, roles }: ReadingSettings): ReadingOptions {
  return {
    lookbackSeconds: lookback_seconds ?? defaultReading.lookbackSeconds,
    lagSeconds: lag_seconds ?? defaultReading.lagSeconds,
    rolesSource: roles?.source ?? defaultReading.rolesSource,
  };
}
