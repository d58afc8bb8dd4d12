import type { ProxiedRequest } from './tenant-proxy';

/** A worker delays heartbeats by at most `maxHeartbeatThrottleInterval`; the rest is for their transport. */
const throttleMs = 1_000 + 250;

/** Lists that each process reads at its start; they are not pages of a stream. */
const lookups = /^\/api\/v2\/(?:roles|organizations\/[^/]+\/roles)\b/;

/** Pages that were requested again, and the allowed number. */
export interface Rereads {
  pages: number;
  /** For each kill: pages answered since the last heartbeat that was certainly sent, and requests in flight. */
  bound: number;
}

/** @param kills when a worker was killed (`performance.now()`) */
export function countRereads(requests: readonly ProxiedRequest[], kills: readonly number[]): Rereads {
  const pages = requests.filter(({ url }) => !lookups.test(url));
  const bound = kills
    .map((at) => {
      const since = pages.filter(({ answeredAt = 0 }) => answeredAt > at - throttleMs && answeredAt <= at).length;
      // A fetch between two requests has none in flight.
      const inFlight = Math.max(countOpen(pages, at), countOpen(pages, at - 100));
      return since + inFlight;
    })
    .reduce((sum, each) => sum + each, 0);
  return { pages: pages.length - new Set(pages.map(({ url }) => url)).size, bound };
}

function countOpen(requests: readonly ProxiedRequest[], at: number): number {
  return requests.filter(({ receivedAt, answeredAt = Infinity }) => receivedAt <= at && answeredAt > at).length;
}

/**
 * Milliseconds from the death of a worker until another one repeats one of its requests. Undefined when no request is repeated.
 */
export function measureRecovery(requests: readonly ProxiedRequest[], at: number): number | undefined {
  const pages = requests.filter(({ url }) => !lookups.test(url));
  const before = new Set(pages.filter(({ receivedAt }) => receivedAt <= at).map(({ url }) => url));
  const again = pages.find(({ url, receivedAt }) => receivedAt > at && before.has(url));
  return again && again.receivedAt - at;
}
