import type { StreamProgress } from '../../workflows/contract';
import { formatMoment } from './text';

/** The status of a stream in the words of every display. */
export interface StreamStatus {
  status: 'complete' | 'incomplete' | 'paused' | 'waiting' | 'reading';
  /** Why it is incomplete, or what it waits for. */
  reason?: string;
}

export function describeStream(progress: StreamProgress, now: Date): StreamStatus {
  const { status, failure, pauseReason, waitingUntil, counts } = progress;
  if (status === 'complete') return { status };
  if (status === 'incomplete') return { status, ...(failure && { reason: failure.message }) };
  // The reason of a pause is that of the sync.
  if (pauseReason !== undefined) return { status: 'paused' };
  if (waitingUntil !== undefined) {
    const until = Math.ceil(waitingUntil / 1_000) * 1_000;
    return { status: 'waiting', reason: `for the rate limit until ${formatMoment(until, now)}` };
  }
  return { status: status === 'waiting' || counts.requests === 0 ? 'waiting' : 'reading' };
}

/** The reason for which a sync is paused; undefined when it is not. */
export function findPauseReason(streams: readonly StreamProgress[]): string | undefined {
  return streams.find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
}

/** `Paused: the tenant is being moved. Run …` */
export function formatPause(reason: string): string {
  return `Paused: ${stripFinalPeriod(reason)}. Run \`rollcall resume\` to continue.`;
}

export function stripFinalPeriod(text: string): string {
  return text.replace(/\.$/, '');
}
