/** What was done to read a slice. Sums over slices are a stream's audit. */
export interface SliceCounts {
  pages: number;
  requests: number;
  /** Rows left out because they had been delivered before. */
  repeated: number;
  /** Organizations that were listed and then answered 404. */
  vanished: number;
}

export const noCounts: Readonly<SliceCounts> = { pages: 0, requests: 0, repeated: 0, vanished: 0 };

export function addCounts(a: SliceCounts, b: SliceCounts): SliceCounts {
  return {
    pages: a.pages + b.pages,
    requests: a.requests + b.requests,
    repeated: a.repeated + b.repeated,
    vanished: a.vanished + b.vanished,
  };
}
