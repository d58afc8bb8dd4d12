import type { FetchCounts } from '../protocol';

export const zeroCounts: Readonly<FetchCounts> = {
  pages: 0,
  requests: 0,
  rows: 0,
  repeated: 0,
  vanished: 0,
  restarted: 0,
  missed: 0,
  ties: 0,
  splits: 0,
  undescribed: 0,
  skippedRecords: 0,
};

/** Adds two sets of counts. A count that is missing, because an older version wrote it, is 0. */
export function addCounts(a: Partial<FetchCounts>, b: Partial<FetchCounts>): FetchCounts {
  const sum = { ...zeroCounts };
  for (const key of Object.keys(zeroCounts) as (keyof FetchCounts)[]) sum[key] = (a[key] ?? 0) + (b[key] ?? 0);
  return sum;
}
