import { ApplicationFailure, isCancellation, metricMeter, TemporalFailure } from '@temporalio/workflow';
import { metrics, type RunEnd } from '../metrics/table';
import type { SyncResult } from './contract';
import { incompleteFailureType } from './names';

/** Runs a sync and counts how it ended, cancelled ones included, of which no activity hears. A replay counts nothing. */
export async function runAndCount(connection: string, run: () => Promise<SyncResult>): Promise<SyncResult> {
  try {
    const result = await run();
    incrementRunCounter(connection, result.status);
    return result;
  } catch (error) {
    // What is no failure of Temporal's fails a task, which is tried again, and not the run.
    if (error instanceof TemporalFailure) incrementRunCounter(connection, classifyRunEnd(error));
    throw error;
  }
}

function incrementRunCounter(connection: string, end: RunEnd): void {
  const { name, help } = metrics.runs;
  metricMeter.createCounter(name.replace(/_total$/, ''), '', help).add(1, { connection, end });
}

function classifyRunEnd(failure: TemporalFailure): RunEnd {
  if (isCancellation(failure)) return 'cancelled';
  if (!(failure instanceof ApplicationFailure) || failure.type !== incompleteFailureType) return 'failed';
  return (failure.details?.[0] as SyncResult | undefined)?.status ?? 'failed';
}
