import type { RateLimitHeaders } from './rate-limit-headers';

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
  confirmed: number;
}

/** A reading, and where the counts stood when it came; this request is resolved and named by then. */
export interface RefillSample {
  headers: RateLimitHeaders;
  charge: Charge;
  now: Omit<Charge, 'at'> & { at: number };
}

interface Anchor extends RefillSample {
  /** Least requests per second that its header tells. */
  reportedPerSecond: number;
  /** Least requests per second that it has shown. */
  minPerSecond: number;
}

/** How long a measurement stands, ms: the longer, the closer the bound comes to the truth. */
const sampleMemoryMs = 60_000;
/** Foreign use is that of so many ms; further back, a bucket may have been full in between, which would hide it. */
const foreignWindowMs = 4_000;
const minAnchorIntervalMs = 250;
/** A shorter span would let a single wrong header say anything. */
const minIntervalMs = 1_000;

/**
 * Learns how fast a bucket refills, and how much of it others take. The refill is a lower bound that holds whatever the
 * order in which the server counted the requests that were out together (each between its sending and its answer), since
 * an honest tenant shall answer no 429. That it is low costs nothing: answers show what has gathered beyond it.
 */
export class RefillEstimator {
  /** Requests per second, at least. */
  minPerSecond: number;
  /** Of `least`, what the headers told by the time until it is full: so much comes back whether it is used or not. */
  reportedPerSecond: number;
  /** Requests per second, most likely. */
  likelyPerSecond = 0;
  /** Of what was taken over the last seconds, the part that was ours. */
  ownShare = 1;
  /** Requests per second of others. */
  foreignPerSecond = 0;
  private anchors: Anchor[] = [];

  /** @param documentedPerSecond requests per second that are certain beforehand; 0 when none are */
  constructor(private readonly documentedPerSecond: number) {
    this.reportedPerSecond = documentedPerSecond;
    this.minPerSecond = documentedPerSecond;
  }

  /** @param lagMs a token comes at most that much later than an even refill would bring it */
  addSample(sample: RefillSample, lagMs: number): void {
    const reportedPerSecond = computeReportedRefill(sample);
    const last = this.anchors.at(-1);
    if (last && sample.now.at - last.now.at < minAnchorIntervalMs) {
      last.reportedPerSecond = Math.max(last.reportedPerSecond, reportedPerSecond);
      this.reportedPerSecond = Math.max(this.reportedPerSecond, reportedPerSecond);
      this.minPerSecond = Math.max(this.minPerSecond, reportedPerSecond);
    } else {
      this.anchors = this.anchors.filter(({ now }) => now.at >= sample.now.at - sampleMemoryMs);
      const gained = this.anchors.map((anchor) => computeMinRefill(anchor, sample, lagMs));
      this.anchors.push({ ...sample, reportedPerSecond, minPerSecond: Math.max(0, ...gained) });
      this.reportedPerSecond = Math.max(
        this.documentedPerSecond,
        ...this.anchors.map((anchor) => anchor.reportedPerSecond),
      );
      this.minPerSecond = Math.max(this.reportedPerSecond, ...this.anchors.map((anchor) => anchor.minPerSecond));
    }
    this.likelyPerSecond = Math.max(this.minPerSecond, computeLikelyRefill(this.anchors[0], sample));
    this.updateForeignUse(sample, lagMs);
  }

  private updateForeignUse(sample: RefillSample, lagMs: number): void {
    this.ownShare = 1;
    this.foreignPerSecond = 0;
    let most = 0;
    for (let i = this.anchors.length - 1; i >= 0; i -= 1) {
      const anchor = this.anchors[i];
      if (!anchor || anchor.now.at < sample.now.at - foreignWindowMs) return;
      const taken = computeForeignUse(anchor, sample, this.minPerSecond, lagMs);
      if (taken <= most) continue;
      most = taken;
      const ours = Math.max(1, sample.now.sent - anchor.now.sent);
      this.ownShare = ours / (ours + taken);
      this.foreignPerSecond = (taken / Math.max(minIntervalMs, sample.now.at - anchor.now.at)) * 1000;
    }
  }
}

/** By the time until the bucket is full, which counts from the answer: the request was counted up to its latency before. */
function computeReportedRefill({ headers: { limit, remaining, fullInMs }, charge, now }: RefillSample): number {
  if (fullInMs === undefined) return 0;
  // At least the token of this request is missing.
  const missing = Math.max(1, limit - remaining - 1);
  return (missing / Math.max(minIntervalMs, fullInMs + now.at - charge.at)) * 1000;
}

/** What the bucket gained from one sighting to the next, over the longest time that may have been between them. */
function computeMinRefill(from: RefillSample, to: RefillSample, lagMs: number): number {
  const span = to.now.at - from.charge.at + lagMs;
  if (span < minIntervalMs) return 0;
  const counted = to.charge.confirmed - from.now.confirmed - from.now.inflight + 1;
  return ((to.headers.remaining - from.headers.remaining - 1 + counted) / span) * 1000;
}

function computeLikelyRefill(from: RefillSample | undefined, to: RefillSample): number {
  const span = from ? to.now.at - from.now.at : 0;
  if (!from || span < minIntervalMs) return 0;
  return ((to.headers.remaining - from.headers.remaining + to.now.confirmed - from.now.confirmed) / span) * 1000;
}

/** What is missing from the bucket beside ours, taken to be counted in the order in which they were sent. */
function computeForeignUse(from: RefillSample, to: RefillSample, refill: number, lagMs: number): number {
  const span = Math.max(0, to.charge.at - from.now.at - lagMs) / 1000;
  const ours = to.charge.sent - from.charge.sent;
  const filled = Math.min(from.headers.limit, from.headers.remaining + refill * span);
  return filled - ours - to.headers.remaining - 1;
}
