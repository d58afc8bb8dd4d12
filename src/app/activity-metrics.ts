import type { FetchActivities } from '../activities/fetch';
import type { SinkActivities } from '../activities/sink-activities';
import type { Tenants } from '../activities/tenants';
import type { RequestObserver, WaitReason } from '../auth0/http';
import type { Meter } from '../metrics/metrics';
import type { StreamState } from '../protocol';
import { countRecords } from '../staging/segment';
import type { FetchTask } from '../streams/fetch-task';
import { streams } from '../streams/registry';

/** Shorter waits are no waits. */
const minWaitMs = 10;

/** Values of the label `cause`. */
const waitCauses: Record<WaitReason, string> = { rateLimit: 'limit', retry: 'failure' };

/** Tells the meter of what goes to and fro between a connection's client and its tenant. */
export function createMetricsObserver(meter: Meter, connection: string): RequestObserver {
  // What has never happened shall be a 0: from an absent series no increase can be told.
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

/** `2xx` to `5xx`; 429 is what pacing is for, and a class of its own. */
function toStatusClass(status: number | undefined): string {
  if (status === undefined) return 'none';
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}

/** Sets the gauges of every tenant's limits to what they are now. */
export function recordLimits(meter: Meter, tenants: Tenants): void {
  for (const [connection, { buckets }] of tenants.listLimits()) {
    // After a change of its size a bucket is known by both; one that nobody draws on any more fills up.
    const fullestFirst = [...buckets].sort((one, other) => other.remaining / other.limit - one.remaining / one.limit);
    for (const { name: bucket, remaining, limit } of fullestFirst) {
      meter.set('tokens', { connection, bucket }, remaining);
      meter.set('bucketSize', { connection, bucket }, limit);
    }
  }
}

/** The activities, each call of which is measured. */
export function observeFetch(activities: FetchActivities, meter: Meter): FetchActivities {
  return {
    ...activities,
    async fetchPages(input) {
      const { connection, task } = input;
      const begun = performance.now();
      try {
        const result = await activities.fetchPages(input);
        meter.add('pages', { connection, stream: toStreamLabel(task) }, result.counts.pages);
        for (const { stream, records } of result.segments) {
          // Indexes are staged as well, and are no records.
          if (streams.some(({ name }) => name === stream)) meter.add('rows', { connection, stream }, records);
        }
        if (result.waitUntil !== undefined) {
          meter.set('waitingUntil', { connection }, result.waitUntil / 1_000);
          meter.record('waits', { connection, cause: 'long_limit' }, (result.waitUntil - Date.now()) / 1_000);
        }
        return result;
      } finally {
        meter.record('fetches', { stream: toStreamLabel(task) }, (performance.now() - begun) / 1_000);
      }
    },
  };
}

/** The activities, each call of which is measured. */
export function observeSink(activities: SinkActivities, meter: Meter): SinkActivities {
  function see(connection: string, stream: string, state: StreamState): void {
    const field = streams.find(({ name }) => name === stream)?.cursorField;
    const cursor = field === undefined ? undefined : state[field];
    const at = typeof cursor === 'string' ? Date.parse(cursor) : NaN;
    if (!Number.isNaN(at)) meter.set('cursor', { connection, stream }, at / 1_000);
  }
  return {
    ...activities,
    async loadState(input) {
      const states = await activities.loadState(input);
      for (const [stream, { state }] of Object.entries(states)) see(input.connection, stream, state);
      return states;
    },
    async deliver(input) {
      const { connection, delivery } = input;
      const begun = performance.now();
      try {
        await activities.deliver(input);
        const stream = delivery.stream.name;
        meter.add('delivered', { connection, stream }, countRecords(delivery.segments));
        if (delivery.state) see(connection, stream, delivery.state);
      } finally {
        meter.record('deliveries', { connection }, (performance.now() - begun) / 1_000);
      }
    },
  };
}

/** The stream under which a task's pages are counted. */
function toStreamLabel(task: FetchTask): string {
  return task.kind === 'children' ? (task.streams[0] ?? '') : task.stream;
}
