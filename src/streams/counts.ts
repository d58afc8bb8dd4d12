/** What was done to read a slice, and what was seen on the way. Sums over slices are a stream's audit. */
export interface FetchCounts {
  pages: number;
  requests: number;
  /** Rows that the pages brought and that had not been delivered before. */
  rows: number;
  /** Rows left out because they had been delivered before. */
  repeated: number;
  /** Organizations, or members whose roles were asked for one by one, that were listed and then answered 404. */
  vanished: number;
  /** Lists begun again because the server refused the place in them, which is good for 24 h. */
  restarted: number;
  /** Users that a search announced in its total and then did not show: deleted, or changed, while it was read. */
  missed: number;
  /** Timestamps shared by more users than a page holds, which were read as blocks of their own. */
  ties: number;
  /** Parts that such blocks were split into because they hold more than a search shows. */
  splits: number;
  /** Roles whose description nobody may read, or whose role is gone: emitted with a null. */
  undescribed: number;
  /** Records of which nothing but the key could be had: they spoil every answer that holds them. */
  skippedRecords: number;
}

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

/** What either does not count, as one that an older version left may not, is 0. */
export function addCounts(a: Partial<FetchCounts>, b: Partial<FetchCounts>): FetchCounts {
  const sum = { ...zeroCounts };
  for (const key of Object.keys(zeroCounts) as (keyof FetchCounts)[]) sum[key] = (a[key] ?? 0) + (b[key] ?? 0);
  return sum;
}
