import {
  ActivityCancellationType,
  type ActivityInterfaceFor,
  getExternalWorkflowHandle,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { FetchActivities } from '../activities/fetch';
import type { FetchInput, FetchResult } from '../activities/fetch-contract';
import type { ScheduleActivities } from '../activities/schedule-activities';
import type { SinkActivities } from '../activities/sink-activities';
import type { RunSummary } from '../protocol';
import type { Delivery } from '../sinks/sink';
import { countRecords } from '../staging/segment';
import { pauseSignal, type ReadInput, type SyncInput } from './contract';
import type { PauseLock } from './flow-control';
import { toStreamFailure } from './sync-outcome';

/*
 * The retry profiles of all activities. Every one has a heartbeat timeout, or a start-to-close of 30 s at most: a
 * completion is lost when the server is away for longer than the SDK repeats it.
 */

/** Temporal refuses longer ones, bytes. Names of connections are ASCII. */
const maxFairnessKeyBytes = 64;

/** @param summary what the Temporal UI shows of it */
export type FetchPages = (
  summary: string,
  input: Omit<FetchInput, 'connection' | 'run' | 'maxStalledAttempts' | 'outageSeconds'>,
) => Promise<FetchResult>;

/** Attempts are not counted: an activity that gets no further gives up by itself (SliceInput.patience). */
export function proxyFetchActivity(
  { connection, run, limits, onRefusedCredentials }: ReadInput,
  gate: PauseLock,
): FetchPages {
  const { fetchPages } = proxyActivities<FetchActivities>({
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: limits.heartbeatSeconds * 1000,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
    // What a slice has read when it is told to stop is its result.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // Should workers be too few, connections take turns, where the server knows how.
    priority: { fairnessKey: connection.slice(0, maxFairnessKeyBytes) },
  });
  const { maxStalledAttempts, outageSeconds } = limits;
  const fetch: FetchPages = (summary, input) =>
    gate.run(() =>
      fetchPages.executeWithOptions({ summary }, [{ connection, run, maxStalledAttempts, outageSeconds, ...input }]),
    );
  return onRefusedCredentials === 'fail' ? fetch : pauseOnRefusedCredentials(fetch, gate);
}

/** Credentials that are refused pause the whole run, instead of failing a stream. */
function pauseOnRefusedCredentials(fetch: FetchPages, gate: PauseLock): FetchPages {
  return async (summary, input) => {
    for (;;) {
      try {
        return await fetch(summary, input);
      } catch (error) {
        const { type, message: reason } = toStreamFailure(error);
        const { parent } = workflowInfo();
        if (type !== 'BadCredentials' || !parent) throw error;
        gate.pause({ reason });
        await getExternalWorkflowHandle(parent.workflowId).signal(pauseSignal, { reason });
      }
    }
  };
}

export function proxyStagingActivities(): Pick<FetchActivities, 'discardRun'> {
  return proxyActivities<FetchActivities>({ startToCloseTimeout: '30s', retry: { maximumAttempts: 3 } });
}

/** What a schedule's workflow asks of its worker. Short, so that they need no heartbeats. */
export function proxyScheduleActivities(): ActivityInterfaceFor<ScheduleActivities<SyncInput>> {
  return proxyActivities<ScheduleActivities<SyncInput>>({
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 10 },
  });
}

export type Deliver = (delivery: Delivery) => Promise<void>;

/**
 * The activities of the processes that can write to the destination. How long a step waits for one of them is not limited:
 * they may all be away for an hour, and then it goes on.
 */
export function proxySinkActivities({ connection, sinkQueue, limits }: ReadInput): {
  loadState: () => ReturnType<SinkActivities['loadState']>;
  deliver: Deliver;
  summarize: (summary: RunSummary) => Promise<void>;
} {
  const sink: ActivityInterfaceFor<SinkActivities> = proxyActivities<SinkActivities>({
    taskQueue: sinkQueue,
    startToCloseTimeout: '24 hours',
    heartbeatTimeout: limits.heartbeatSeconds * 1000,
    // Attempts are not counted here: one that was killed with its process says nothing about the step (see activities/deliver.ts).
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
function summarizeDelivery({ stream, sequence, segments, status }: Delivery): string {
  const records = countRecords(segments);
  const what = [...(records > 0 ? [`${records} records`] : []), ...(status ? [status] : [])];
  return [stream.name, `delivery ${sequence}`, ...what].join(' · ');
}
