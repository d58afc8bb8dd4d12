import type { FetchActivities } from '../activities/fetch';
import type { SinkActivities } from '../activities/sink-activities';
import type { Tenants } from '../activities/tenants';
import type { RequestObserver, WaitReason } from '../auth0/http';
import type { Meter } from '../metrics/metrics';
import type { StreamState } from '../protocol';
import { countRecords } from '../staging/segment';
import type { FetchTask } from '../streams/fetch-task';
import { streams } from '../streams/registry';

/** Shorter waits are not counted. */
const minWaitMs = 10;

/** Values of the label `cause`. */
const waitCauses: Record<WaitReason, string> = { rateLimit: 'limit', retry: 'failure' };

/** Measures the requests of a connection's client. */
export function createMetricsObserver(meter: Meter, connection: string): RequestObserver {
  // Prometheus sees an increase only in a series that exists.
  meter.add('rateLimited', { connection }, 0);
  meter.set('waitingUntil', { connection }, 0);
  return {
    onRequestEnd(label, status) {
      const route = label.replace(/^[A-Z]+ \/?/, '');
      meter.add('requests', { connection, route, status: toStatusClass(status) });
      if (status === 429) meter.add('rateLimited', { connection });
    },
    onWaitEnd(reason, ms) {
      if (ms >= minWaitMs) meter.record('waits', { connection, cause: waitCauses[reason] }, ms / 1_000);
    },
  };
}

/** `2xx` to `5xx`, with `429` separately. */
function toStatusClass(status: number | undefined): string {
  if (status === undefined) return 'none';
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}

/** Sets the gauges of all rate limits to their current values. */
export function recordLimits(meter: Meter, tenants: Tenants): void {
  for (const [connection, { buckets }] of tenants.listLimits()) {
    // After a change of its size, a bucket is listed with both sizes. The unused one fills up, so the used one is set last.
    const fullestFirst = [...buckets].sort((one, other) => other.remaining / other.limit - one.remaining / one.limit);
    for (const { name: bucket, remaining, limit } of fullestFirst) {
      meter.set('tokens', { connection, bucket }, remaining);
      meter.set('bucketSize', { connection, bucket }, limit);
    }
  }
}

/** Measures the fetch activities. */
export function observeFetch(activities: FetchActivities, meter: Meter): FetchActivities {
  return {
    ...activities,
    async fetchPages(input) {
      const { connection, task } = input;
      const startedAt = performance.now();
      try {
        const result = await activities.fetchPages(input);
        meter.add('pages', { connection, stream: toStreamLabel(task) }, result.counts.pages);
        for (const { stream, records } of result.segments) {
          // Staged indexes are not streams.
          if (streams.some(({ name }) => name === stream)) meter.add('rows', { connection, stream }, records);
        }
        if (result.waitUntil !== undefined) {
          meter.set('waitingUntil', { connection }, result.waitUntil / 1_000);
          meter.record('waits', { connection, cause: 'long_limit' }, (result.waitUntil - Date.now()) / 1_000);
        }
        return result;
      } finally {
        meter.record('fetches', { stream: toStreamLabel(task) }, (performance.now() - startedAt) / 1_000);
      }
    },
  };
}

/** Measures the sink activities. */
export function observeSink(activities: SinkActivities, meter: Meter): SinkActivities {
  function recordCursor(connection: string, stream: string, state: StreamState): void {
    const field = streams.find(({ name }) => name === stream)?.cursorField;
    const cursor = field === undefined ? undefined : state[field];
    const at = typeof cursor === 'string' ? Date.parse(cursor) : NaN;
    if (!Number.isNaN(at)) meter.set('cursor', { connection, stream }, at / 1_000);
  }
  return {
    ...activities,
    async loadState(input) {
      const states = await activities.loadState(input);
      for (const [stream, { state }] of Object.entries(states)) recordCursor(input.connection, stream, state);
      return states;
    },
    async deliver(input) {
      const { connection, delivery } = input;
      const startedAt = performance.now();
      try {
        await activities.deliver(input);
        const stream = delivery.stream.name;
        meter.add('delivered', { connection, stream }, countRecords(delivery.segments));
        if (delivery.state) recordCursor(connection, stream, delivery.state);
      } finally {
        meter.record('deliveries', { connection }, (performance.now() - startedAt) / 1_000);
      }
    },
  };
}

/** The stream under which a task's pages are counted. */
function toStreamLabel(task: FetchTask): string {
  return task.kind === 'children' ? (task.streams[0] ?? '') : task.stream;
}
