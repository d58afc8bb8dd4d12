import type { StreamProgress } from '../workflows/contract';
import { clock, outlook } from './pace';

/**
 * What has changed since the last look, on lines of at most 80 columns, with how fast it goes and how long it will take,
 * as far as that is known; empty when no stream has moved.
 * @param rate requests per second
 */
export function progressLine(before: readonly StreamProgress[], now: readonly StreamProgress[], rate?: number): string {
  const told = new Set(before.map(standing));
  const news = now.map(standing).filter((text) => text !== '' && !told.has(text));
  if (news.length === 0) return '';
  return [...news, ...outlook(now, rate)].reduce((text, item) => {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    if (line === '') return item;
    return `${text}${line.length + item.length + 3 > 80 ? '\n' : ' · '}${item}`;
  }, '');
}

/** A stream that is not done ends in "…", and is not worth a word before it has begun. */
function standing({ stream, status, delivered, paused, waitingUntil }: StreamProgress): string {
  // The last records of a stream that has been read may still be on their way.
  if (status === 'complete') return delivered > 0 ? `${stream} ${delivered}` : '';
  if (status === 'incomplete') return `${stream} ${delivered} (incomplete)`;
  if (paused !== undefined) return `${stream} ${delivered} paused`;
  if (waitingUntil !== undefined) return `${stream} ${delivered} waits for Auth0's limit until ${clock(waitingUntil)}`;
  return delivered > 0 ? `${stream} ${delivered}…` : '';
}

/** Why a run stands still, on a line of its own; empty when that is known already, or it does not. */
export function pausedLine(before: readonly StreamProgress[], now: readonly StreamProgress[]): string {
  const reasonOf = (streams: readonly StreamProgress[]): string | undefined =>
    streams.find(({ paused }) => paused !== undefined)?.paused;
  const reason = reasonOf(now);
  return reason === undefined || reason === reasonOf(before)
    ? ''
    : `Paused: ${reason.replace(/\.$/, '')}. \`rollcall resume\` goes on.`;
}

/** A stream that gives no answer for once stands where it stood. */
export function inSight(before: readonly StreamProgress[], now: readonly StreamProgress[]): StreamProgress[] {
  const lastOf = (stream: string): StreamProgress | undefined => before.find((each) => each.stream === stream);
  return now.map((each) => (each.status === 'waiting' ? (lastOf(each.stream) ?? each) : each));
}
