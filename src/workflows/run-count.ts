import { ApplicationFailure, isCancellation, metricMeter, TemporalFailure } from '@temporalio/workflow';
import { metrics, type End } from '../metrics/table';
import type { SyncResult } from './contract';
import { incompleteType } from './names';

/** Runs a sync and counts how it ended, cancelled ones included, of which no activity hears. A replay counts nothing. */
export async function counted(connection: string, run: () => Promise<SyncResult>): Promise<SyncResult> {
  try {
    const result = await run();
    count(connection, result.status);
    return result;
  } catch (error) {
    // What is no failure of Temporal's fails a task, which is tried again, and not the run.
    if (error instanceof TemporalFailure) count(connection, endOf(error));
    throw error;
  }
}

function count(connection: string, end: End): void {
  const { name, help } = metrics.runs;
  metricMeter.createCounter(name.replace(/_total$/, ''), '', help).add(1, { connection, end });
}

function endOf(failure: TemporalFailure): End {
  if (isCancellation(failure)) return 'cancelled';
  if (!(failure instanceof ApplicationFailure) || failure.type !== incompleteType) return 'failed';
  return (failure.details?.[0] as SyncResult | undefined)?.status ?? 'failed';
}
