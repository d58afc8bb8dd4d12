import {
  ActivityCancellationType,
  type ActivityInterfaceFor,
  getExternalWorkflowHandle,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { FetchActivities } from '../activities/fetch';
import type { FetchInput, FetchResult } from '../activities/fetch-contract';
import type { DeliveryInput, SinkActivities } from '../activities/sink-activities';
import type { RunSummary } from '../protocol';
import { countRecords } from '../staging/segment';
import { pauseSignal, type ReadInput, type ScheduleActivities } from './contract';
import type { Pause, PauseLock } from './pause-lock';
import { toStreamFailure } from './sync-outcome';

/*
 * The retry profiles of all activities. Each has a heartbeat timeout, or a start-to-close timeout of at most 30 s: when the
 * server is away for longer than the SDK retries, the completion of an activity is lost.
 */

/** Limit of Temporal, bytes. Names of connections are ASCII. */
const maxFairnessKeyBytes = 64;

/** @param summary what the Temporal UI shows */
export type FetchPages = (
  summary: string,
  input: Omit<FetchInput, 'connection' | 'run' | 'maxStalledAttempts' | 'outageSeconds'>,
) => Promise<FetchResult>;

/** Temporal does not limit attempts. An activity without progress gives up by itself (FetchInput.maxStalledAttempts). */
export function proxyFetchActivity(
  { connection, run, limits, onRefusedCredentials }: ReadInput,
  pauseLock: PauseLock,
): FetchPages {
  const { fetchPages } = proxyActivities<FetchActivities>({
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: limits.heartbeatSeconds * 1000,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
    // The result of a cancelled fetch is what it has read.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // With too few workers, connections take turns, if the server supports it.
    priority: { fairnessKey: connection.slice(0, maxFairnessKeyBytes) },
  });
  const { maxStalledAttempts, outageSeconds } = limits;
  const fetch: FetchPages = (summary, input) =>
    pauseLock.run(() =>
      fetchPages.executeWithOptions({ summary }, [{ connection, run, maxStalledAttempts, outageSeconds, ...input }]),
    );
  return onRefusedCredentials === 'fail' ? fetch : pauseOnRefusedCredentials(fetch, pauseLock);
}

/** Refused credentials pause the whole run instead of failing a stream. */
function pauseOnRefusedCredentials(fetch: FetchPages, pauseLock: PauseLock): FetchPages {
  return async (summary, input) => {
    for (;;) {
      try {
        return await fetch(summary, input);
      } catch (error) {
        const { type, message: reason } = toStreamFailure(error);
        const { parent } = workflowInfo();
        if (type !== 'BadCredentials' || !parent) throw error;
        const pause: Pause = { source: 'credentials', reason };
        pauseLock.pause(pause);
        await getExternalWorkflowHandle(parent.workflowId).signal(pauseSignal, pause);
      }
    }
  };
}

export function proxyStagingActivities(): Pick<FetchActivities, 'discardRun'> {
  return proxyActivities<FetchActivities>({ startToCloseTimeout: '30s', retry: { maximumAttempts: 3 } });
}

/** The activities of scheduled runs. They are short and need no heartbeats. */
export function proxyScheduleActivities(): ActivityInterfaceFor<ScheduleActivities> {
  return proxyActivities<ScheduleActivities>({
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 10 },
  });
}

export type Deliver = (delivery: DeliveryInput) => Promise<void>;

/**
 * The activities of the processes that can write to the destination. How long a delivery waits for such a process is not
 * limited: it may be away for an hour.
 */
export function proxySinkActivities({
  connection,
  sinkQueue,
  limits,
}: Pick<ReadInput, 'connection' | 'sinkQueue' | 'limits'>): {
  loadState: () => ReturnType<SinkActivities['loadState']>;
  deliver: Deliver;
  summarize: (summary: RunSummary) => Promise<void>;
} {
  const sink: ActivityInterfaceFor<SinkActivities> = proxyActivities<SinkActivities>({
    taskQueue: sinkQueue,
    startToCloseTimeout: '24 hours',
    heartbeatTimeout: limits.heartbeatSeconds * 1000,
    // Not limited here: an attempt that was killed with its process does not count (see activities/sink-activities.ts).
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
  });
  return {
    loadState: () => sink.loadState({ connection }),
    summarize: (summary) => sink.conclude({ connection, summary }),
    deliver: (delivery) =>
      sink.deliver.executeWithOptions({ summary: summarizeDelivery(delivery) }, [{ connection, delivery }]),
  };
}

/** What the Temporal UI shows of a delivery. */
function summarizeDelivery({ stream, sequence, segments, status }: DeliveryInput): string {
  const records = countRecords(segments);
  const what = [...(records > 0 ? [`${records} records`] : []), ...(status ? [status] : [])];
  return [stream.name, `delivery ${sequence}`, ...what].join(' · ');
}
