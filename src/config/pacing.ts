import { z } from 'zod';

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

/** The pacing options as written. */
interface PacingSettings {
  rate_limit_reserve?: number | undefined;
  max_concurrency?: number | undefined;
}

export function toPacingOptions({ rate_limit_reserve, max_concurrency }: PacingSettings): PacingOptions {
  return {
    reserve: rate_limit_reserve ?? defaultReserve,
    ...(max_concurrency === undefined ? {} : { maxConcurrency: max_concurrency }),
  };
}
