import type { StreamProgress } from '../workflows/contract';
import { formatClockTime, formatPace } from './pace';

/**
 * What has changed since the last look, on lines of at most 80 columns, with how fast it goes and how long it will take,
 * as far as that is known; empty when no stream has moved.
 * @param rate requests per second
 */
export function formatProgressLine(previous: readonly StreamProgress[], current: readonly StreamProgress[], rate?: number): string {
  const told = new Set(previous.map(formatStreamProgress));
  const news = current.map(formatStreamProgress).filter((text) => text !== '' && !told.has(text));
  if (news.length === 0) return '';
  return [...news, ...formatPace(current, rate)].reduce((text, item) => {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    if (line === '') return item;
    return `${text}${line.length + item.length + 3 > 80 ? '\n' : ' · '}${item}`;
  }, '');
}

/** A stream that is not done ends in "…", and is not worth a word before it has begun. */
function formatStreamProgress({ stream, status, delivered, pauseReason, waitingUntil }: StreamProgress): string {
  // The last records of a stream that has been read may still be on their way.
  if (status === 'complete') return delivered > 0 ? `${stream} ${delivered}` : '';
  if (status === 'incomplete') return `${stream} ${delivered} (incomplete)`;
  if (pauseReason !== undefined) return `${stream} ${delivered} paused`;
  if (waitingUntil !== undefined) return `${stream} ${delivered} waits for Auth0's limit until ${formatClockTime(waitingUntil)}`;
  return delivered > 0 ? `${stream} ${delivered}…` : '';
}

/** Why a run stands still, on a line of its own; empty when that is known already, or it does not. */
export function formatPausedLine(previous: readonly StreamProgress[], current: readonly StreamProgress[]): string {
  const reasonOf = (streams: readonly StreamProgress[]): string | undefined =>
    streams.find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
  const reason = reasonOf(current);
  return reason === undefined || reason === reasonOf(previous)
    ? ''
    : `Paused: ${reason.replace(/\.$/, '')}. \`rollcall resume\` goes on.`;
}

/** A stream that gives no answer for once stands where it stood. */
export function keepLastKnown(previous: readonly StreamProgress[], current: readonly StreamProgress[]): StreamProgress[] {
  const lastOf = (stream: string): StreamProgress | undefined => previous.find((each) => each.stream === stream);
  return current.map((each) => (each.status === 'waiting' ? (lastOf(each.stream) ?? each) : each));
}
