import { ApplicationFailure } from '@temporalio/common';
import { zeroCounts } from '../streams/counts';
import type { StreamProgress, StreamResult } from './contract';

/** Type of the failure with which a workflow ends that is incomplete; its details contain the results. */
export const incompleteFailureType = 'Incomplete';

/** The results of an incomplete workflow, from its failure or from an error that it caused. Undefined for other errors. */
export function readIncompleteResult(error: unknown): unknown {
  const failure = error instanceof ApplicationFailure ? error : (error as { cause?: unknown } | undefined)?.cause;
  if (!(failure instanceof ApplicationFailure) || failure.type !== incompleteFailureType) return undefined;
  return failure.details?.[0];
}

/** Progress of a stream of which nothing has been delivered. */
export function createProgress(stream: string, status: 'waiting' | 'running'): StreamProgress {
  return { stream, status, delivered: 0, counts: zeroCounts };
}

/** Progress of a stream that has ended. */
export function toFinalProgress({ records, ...result }: StreamResult): StreamProgress {
  return { ...result, delivered: records };
}

export function sumRecords(streams: readonly Pick<StreamResult, 'records'>[]): number {
  return streams.reduce((sum, { records }) => sum + records, 0);
}
