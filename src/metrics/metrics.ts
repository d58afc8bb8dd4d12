export interface MetricDeclaration {
  /** Exported name. A unit is part of it, and a counter's name ends in `_total`. */
  name: `rollcall_${string}`;
  kind: 'counter' | 'gauge' | 'histogram';
  /** `timestamp`: seconds since 1970. */
  unit?: 'seconds' | 'timestamp' | 'bytes';
  labels: readonly LabelName[];
  help: string;
  /** Upper bounds of a histogram's buckets. */
  buckets?: readonly number[];
}

/** Labels have few values, whatever the size of the tenant: no ids, no personal data, no response text. */
export type LabelName = 'connection' | 'stream' | 'route' | 'status' | 'cause' | 'bucket' | 'end';

/** The metrics that a worker exports, as docs/operations.md lists them. Workflow code imports this file. */
export const metrics = {
  ready: {
    name: 'rollcall_ready',
    kind: 'gauge',
    labels: [],
    help: '1 if the worker polls and its Temporal server responds (see /readyz); 0 otherwise.',
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
    help: 'Requests sent to the tenant, by path template and response class: 2xx to 5xx, 429 separately, none for no response.',
  },
  rateLimited: {
    name: 'rollcall_rate_limited_total',
    kind: 'counter',
    labels: ['connection'],
    help: 'Requests that the tenant rejected with 429. Starts at 0 with the first request of a connection.',
  },
  waits: {
    name: 'rollcall_wait_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['connection', 'cause'],
    help:
      'Waits of 10 ms or more, by reason: limit (in the activity, for the rate limit), failure (in the activity, before a retry), ' +
      'long_limit (in the workflow, for a longer rate limit wait; counted when it starts).',
    buckets: [0.1, 1, 5, 15, 60, 300, 3600],
  },
  waitingUntil: {
    name: 'rollcall_waiting_until_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['connection'],
    help: 'End of the latest long rate limit wait; in the past if it is over, 0 if there was none.',
  },
  tokens: {
    name: 'rollcall_rate_limit_tokens',
    kind: 'gauge',
    labels: ['connection', 'bucket'],
    help: "Minimum number of requests left in a bucket of the tenant's rate limit at scrape time.",
  },
  bucketSize: {
    name: 'rollcall_rate_limit_size',
    kind: 'gauge',
    labels: ['connection', 'bucket'],
    help: 'Capacity of the bucket, in requests.',
  },
  pages: {
    name: 'rollcall_pages_total',
    kind: 'counter',
    labels: ['connection', 'stream'],
    help: 'Pages read; member lists count as organization_members. Counted when the fetch ends.',
  },
  rows: {
    name: 'rollcall_rows_total',
    kind: 'counter',
    labels: ['connection', 'stream'],
    help: 'Records read and staged. Counted when the fetch ends.',
  },
  delivered: {
    name: 'rollcall_delivered_records_total',
    kind: 'counter',
    labels: ['connection', 'stream'],
    help: 'Records written to the destination. A repeated delivery counts again.',
  },
  fetches: {
    name: 'rollcall_fetch_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['stream'],
    help: 'Duration of one fetch attempt, including waits and failed attempts.',
    buckets: [0.1, 0.5, 1, 2, 5, 10, 20, 60, 120],
  },
  deliveries: {
    name: 'rollcall_delivery_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['connection'],
    help: 'Duration of one delivery attempt, including failed attempts.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60],
  },
  cursor: {
    name: 'rollcall_cursor_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['connection', 'stream'],
    help:
      'Cursor of an incremental stream at the destination: changes up to it are copied. Updated at the start of a run and with ' +
      'each delivery, by the worker that runs it.',
  },
  lastComplete: {
    name: 'rollcall_last_complete_sync_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['connection'],
    help: "End of the latest complete sync, queried from Temporal every 30 seconds; 0 if there is none within the namespace's retention.",
  },
  schedulePaused: {
    name: 'rollcall_schedule_paused',
    kind: 'gauge',
    labels: ['connection'],
    help: '1 if the schedule of the connection is paused, 0 if not; absent if there never was one.',
  },
  runs: {
    name: 'rollcall_runs_total',
    kind: 'counter',
    labels: ['connection', 'end'],
    help: 'Ended syncs by result: complete, partial (some streams complete), failed, cancelled. Terminated syncs are not counted.',
  },
} as const satisfies Record<string, MetricDeclaration>;

export type Metrics = typeof metrics;

/** Names of the metrics of a kind. */
export type MetricName<Kind extends MetricDeclaration['kind']> = {
  [Name in keyof Metrics]: Metrics[Name]['kind'] extends Kind ? Name : never;
}[keyof Metrics];

/** A value for each label of a metric. */
export type LabelValues<Name extends keyof Metrics> = Record<Metrics[Name]['labels'][number], string>;

/** Results of ended runs. */
export const runEnds = ['complete', 'partial', 'failed', 'cancelled'] as const;
export type RunEnd = (typeof runEnds)[number];

/** Receives measurements. */
export interface Meter {
  /** @param by an integer, default 1; 0 creates the series */
  add<Name extends MetricName<'counter'>>(metric: Name, labels: LabelValues<Name>, by?: number): void;
  set<Name extends MetricName<'gauge'>>(metric: Name, labels: LabelValues<Name>, value: number): void;
  record<Name extends MetricName<'histogram'>>(metric: Name, labels: LabelValues<Name>, value: number): void;
}

/** For processes that export no metrics. */
export const noMeter: Meter = { add() {}, set() {}, record() {} };
