import type { Passage } from './front';

/** How long a worker keeps heartbeats back at most, ms (`maxHeartbeatThrottleInterval`), and what its way may take. */
const throttleMs = 1_000 + 250;

/** Lists that a process looks up when it begins, and again when it begins again; they are no pages of a stream. */
const lookedUp = /^\/api\/v2\/(?:roles|organizations\/[^/]+\/roles)\b/;

/** Pages asked for again, and how many that may be. */
export interface Rereads {
  pages: number;
  /** For each kill: pages answered since the last heartbeat that is sure to have been sent, and requests under way. */
  bound: number;
}

/** @param kills when a worker was killed (`performance.now()`) */
export function countRereads(passages: readonly Passage[], kills: readonly number[]): Rereads {
  const pages = passages.filter(({ url }) => !lookedUp.test(url));
  const bound = kills
    .map((at) => {
      const since = pages.filter(({ answeredAt = 0 }) => answeredAt > at - throttleMs && answeredAt <= at).length;
      // A slice that is between two requests has none under way.
      const underWay = Math.max(openAt(pages, at), openAt(pages, at - 100));
      return since + underWay;
    })
    .reduce((sum, each) => sum + each, 0);
  return { pages: pages.length - new Set(pages.map(({ url }) => url)).size, bound };
}

function openAt(passages: readonly Passage[], at: number): number {
  return passages.filter(({ askedAt, answeredAt = Infinity }) => askedAt <= at && answeredAt > at).length;
}

/**
 * Milliseconds from a worker's death until what it had begun is fetched by another: until a request comes that came before.
 * Undefined when it had nothing under way.
 */
export function recoveryAfter(passages: readonly Passage[], at: number): number | undefined {
  const pages = passages.filter(({ url }) => !lookedUp.test(url));
  const before = new Set(pages.filter(({ askedAt }) => askedAt <= at).map(({ url }) => url));
  const again = pages.find(({ url, askedAt }) => askedAt > at && before.has(url));
  return again && again.askedAt - at;
}
