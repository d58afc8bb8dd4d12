/** What a metric is, to whoever reads it. */
export interface MetricDeclaration {
  /** As it is exported: a counter's name ends in `_total`, the unit, if any, stands before that. */
  name: `rollcall_${string}`;
  kind: 'counter' | 'gauge' | 'histogram';
  /** `timestamp`: seconds since 1970, of which `time() - it` is an age. */
  unit?: 'seconds' | 'timestamp' | 'bytes';
  labels: readonly LabelName[];
  help: string;
  /** Upper bounds of a histogram's buckets. */
  buckets?: readonly number[];
}

/** Every label has few values, whatever the tenant holds: no id, no person, no text of an answer. */
export type LabelName = 'connection' | 'stream' | 'route' | 'status' | 'cause' | 'bucket' | 'end';

/** Every metric of ours that a worker exports; docs/operations.md shows this table. Pure: workflow code reads it as well. */
export const metrics = {
  ready: {
    name: 'rollcall_ready',
    kind: 'gauge',
    labels: [],
    help: '1 when the worker takes work and its Temporal server answers, as /readyz says; 0 otherwise.',
  },
  residentMemory: {
    name: 'rollcall_resident_memory_bytes',
    kind: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Resident memory of the process.',
  },
  requests: {
    name: 'rollcall_requests_total',
    kind: 'counter',
    labels: ['connection', 'route', 'status'],
    help: 'Requests sent to the tenant, by path template and class of the answer: 2xx to 5xx, 429 apart, none for no answer.',
  },
  rateLimited: {
    name: 'rollcall_rate_limited_total',
    kind: 'counter',
    labels: ['connection'],
    help: 'Requests that the tenant answered 429. Begins at 0 with the first request of a connection.',
  },
  waits: {
    name: 'rollcall_wait_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['connection', 'cause'],
    help:
      'Waits of 10 ms and more: limit (in place, for a turn within the rate limit), failure (in place, before another try), ' +
      'long_limit (of the workflow, for a limit that is far off; told when it begins).',
    buckets: [0.1, 1, 5, 15, 60, 300, 3600],
  },
  waitingUntil: {
    name: 'rollcall_waiting_until_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['connection'],
    help: 'End of the newest long wait for the rate limit; in the past when it is over, 0 when there was none.',
  },
  tokens: {
    name: 'rollcall_rate_limit_tokens',
    kind: 'gauge',
    labels: ['connection', 'bucket'],
    help: "Requests left in a bucket of the tenant's rate limit, at least, at the time of the scrape.",
  },
  bucketSize: {
    name: 'rollcall_rate_limit_size',
    kind: 'gauge',
    labels: ['connection', 'bucket'],
    help: 'Requests that the bucket holds when it is full.',
  },
  pages: {
    name: 'rollcall_pages_total',
    kind: 'counter',
    labels: ['connection', 'stream'],
    help: 'Pages read; those of the member lists under organization_members. Counted when their slice ends.',
  },
  rows: {
    name: 'rollcall_rows_total',
    kind: 'counter',
    labels: ['connection', 'stream'],
    help: 'Records read and staged. Counted when their slice ends.',
  },
  delivered: {
    name: 'rollcall_delivered_records_total',
    kind: 'counter',
    labels: ['connection', 'stream'],
    help: 'Records that the destination has taken; a step that is repeated counts again.',
  },
  fetches: {
    name: 'rollcall_fetch_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['stream'],
    help: 'Time of one attempt at a slice, waits included, failed ones as well.',
    buckets: [0.1, 0.5, 1, 2, 5, 10, 20, 60, 120],
  },
  deliveries: {
    name: 'rollcall_delivery_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['connection'],
    help: 'Time of one attempt at a delivery to the destination, failed ones as well.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60],
  },
  cursor: {
    name: 'rollcall_cursor_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['connection', 'stream'],
    help:
      'Cursor of an incremental stream as the destination holds it: changes up to it are copied. Seen when a run begins and with ' +
      'each delivery, by the worker that does it.',
  },
  lastComplete: {
    name: 'rollcall_last_complete_sync_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['connection'],
    help: "End of the newest complete sync, asked of Temporal each half minute; 0 where there is none within the namespace's retention.",
  },
  schedulePaused: {
    name: 'rollcall_schedule_paused',
    kind: 'gauge',
    labels: ['connection'],
    help: '1 when the schedule of the connection is paused, 0 when it is not; absent where there never was one.',
  },
  runs: {
    name: 'rollcall_runs_total',
    kind: 'counter',
    labels: ['connection', 'end'],
    help: 'Syncs that ended: complete, partial (some streams are), failed, cancelled. Terminated ones are not seen.',
  },
} as const satisfies Record<string, MetricDeclaration>;

export type Metrics = typeof metrics;

/** Names of the metrics of a kind. */
export type MetricName<Kind extends MetricDeclaration['kind']> = {
  [Name in keyof Metrics]: Metrics[Name]['kind'] extends Kind ? Name : never;
}[keyof Metrics];

/** The labels that a metric takes, all of them. */
export type LabelValues<Name extends keyof Metrics> = Record<Metrics[Name]['labels'][number], string>;

/** How a run ended. */
export const runEnds = ['complete', 'partial', 'failed', 'cancelled'] as const;
export type RunEnd = (typeof runEnds)[number];

/** Takes what is measured. Whoever measures knows this and the table, and not what becomes of it. */
export interface Meter {
  /** @param by a whole number, 0 to make the series known; default 1 */
  add<Name extends MetricName<'counter'>>(metric: Name, labels: LabelValues<Name>, by?: number): void;
  set<Name extends MetricName<'gauge'>>(metric: Name, labels: LabelValues<Name>, value: number): void;
  record<Name extends MetricName<'histogram'>>(metric: Name, labels: LabelValues<Name>, value: number): void;
}

/** For processes that nobody asks for metrics. */
export const noMeter: Meter = { add() {}, set() {}, record() {} };
