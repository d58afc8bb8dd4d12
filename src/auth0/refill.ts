import type { Reading } from './rate-limit';

/** Where the counts of a bucket stood when a request was sent. */
export interface Charge {
  at: number;
  /** Requests sent, this one included. */
  sent: number;
  /** Requests that were out, without this one. */
  inflight: number;
  /** Requests that were no longer out. */
  resolved: number;
  /** Of these, those whose answer named the bucket, and so surely were counted by it. */
  named: number;
}

/** A reading, and where the counts stood when it came; this request is resolved and named by then. */
export interface Sighting {
  reading: Reading;
  charge: Charge;
  now: Omit<Charge, 'at'> & { at: number };
}

interface Anchor extends Sighting {
  /** Least requests per second that its header tells. */
  told: number;
  /** Least requests per second that it has shown. */
  least: number;
}

/** How long a measurement stands, ms: the longer, the closer the bound comes to the truth. */
const memoryMs = 60_000;
/** Foreign use is that of so many ms; further back, a bucket may have been full in between, which would hide it. */
const foreignMs = 4_000;
const betweenAnchorsMs = 250;
/** A shorter span would let a single wrong header say anything. */
const shortestSpanMs = 1_000;

/**
 * Learns how fast a bucket refills, and how much of it others take. The refill is a lower bound that holds whatever the
 * order in which the server counted the requests that were out together (each between its sending and its answer), since
 * an honest tenant shall answer no 429. That it is low costs nothing: answers show what has gathered beyond it.
 */
export class Refill {
  /** Requests per second, at least. */
  least: number;
  /** Of `least`, what the headers told by the time until it is full: so much comes back whether it is used or not. */
  told: number;
  /** Requests per second, most likely. */
  likely = 0;
  /** Of what was taken over the last seconds, the part that was ours. */
  share = 1;
  /** Requests per second of others. */
  foreign = 0;
  private anchors: Anchor[] = [];

  /** @param documented requests per second that are certain beforehand; 0 when none are */
  constructor(private readonly documented: number) {
    this.told = documented;
    this.least = documented;
  }

  /** @param lagMs a token comes at most that much later than an even refill would bring it */
  learn(seen: Sighting, lagMs: number): void {
    const told = toldRefill(seen);
    const last = this.anchors.at(-1);
    if (last && seen.now.at - last.now.at < betweenAnchorsMs) {
      last.told = Math.max(last.told, told);
      this.told = Math.max(this.told, told);
      this.least = Math.max(this.least, told);
    } else {
      this.anchors = this.anchors.filter(({ now }) => now.at >= seen.now.at - memoryMs);
      const gained = this.anchors.map((anchor) => leastRefill(anchor, seen, lagMs));
      this.anchors.push({ ...seen, told, least: Math.max(0, ...gained) });
      this.told = Math.max(this.documented, ...this.anchors.map((anchor) => anchor.told));
      this.least = Math.max(this.told, ...this.anchors.map((anchor) => anchor.least));
    }
    this.likely = Math.max(this.least, likelyRefill(this.anchors[0], seen));
    this.observeForeign(seen, lagMs);
  }

  private observeForeign(seen: Sighting, lagMs: number): void {
    this.share = 1;
    this.foreign = 0;
    let most = 0;
    for (let i = this.anchors.length - 1; i >= 0; i -= 1) {
      const anchor = this.anchors[i];
      if (!anchor || anchor.now.at < seen.now.at - foreignMs) return;
      const taken = foreignUse(anchor, seen, this.least, lagMs);
      if (taken <= most) continue;
      most = taken;
      const ours = Math.max(1, seen.now.sent - anchor.now.sent);
      this.share = ours / (ours + taken);
      this.foreign = (taken / Math.max(shortestSpanMs, seen.now.at - anchor.now.at)) * 1000;
    }
  }
}

/** By the time until the bucket is full, which counts from the answer: the request was counted up to its latency before. */
function toldRefill({ reading: { limit, remaining, fullInMs }, charge, now }: Sighting): number {
  if (fullInMs === undefined) return 0;
  // At least the token of this request is missing.
  const missing = Math.max(1, limit - remaining - 1);
  return (missing / Math.max(shortestSpanMs, fullInMs + now.at - charge.at)) * 1000;
}

/** What the bucket gained from one sighting to the next, over the longest time that may have been between them. */
function leastRefill(from: Sighting, to: Sighting, lagMs: number): number {
  const span = to.now.at - from.charge.at + lagMs;
  if (span < shortestSpanMs) return 0;
  const counted = to.charge.named - from.now.named - from.now.inflight + 1;
  return ((to.reading.remaining - from.reading.remaining - 1 + counted) / span) * 1000;
}

function likelyRefill(from: Sighting | undefined, to: Sighting): number {
  const span = from ? to.now.at - from.now.at : 0;
  if (!from || span < shortestSpanMs) return 0;
  return ((to.reading.remaining - from.reading.remaining + to.now.named - from.now.named) / span) * 1000;
}

/** What is missing from the bucket beside ours, taken to be counted in the order in which they were sent. */
function foreignUse(from: Sighting, to: Sighting, refill: number, lagMs: number): number {
  const span = Math.max(0, to.charge.at - from.now.at - lagMs) / 1000;
  const ours = to.charge.sent - from.charge.sent;
  const filled = Math.min(from.reading.limit, from.reading.remaining + refill * span);
  return filled - ours - to.reading.remaining - 1;
}
