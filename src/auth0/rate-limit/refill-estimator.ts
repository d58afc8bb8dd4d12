import type { RateLimitHeaders } from './rate-limit-headers';

/** The counts of a bucket when a request was sent. */
export interface Charge {
  at: number;
  /** Requests sent, this one included. */
  sent: number;
  /** Requests in flight, without this one. */
  inflight: number;
  /** Requests no longer in flight. */
  resolved: number;
  /** Resolved requests whose response named the bucket, so it certainly counted them. */
  confirmed: number;
}

/** A response's headers with the counts when its request was sent and when it arrived, the request itself included. */
export interface RefillSample {
  headers: RateLimitHeaders;
  charge: Charge;
  now: Charge;
}

interface Anchor extends RefillSample {
  /** Least refill that its headers report, requests per second. */
  reportedPerSecond: number;
  /** Least refill measured at this sample, requests per second. */
  minPerSecond: number;
}

/** Samples are compared over this time, ms; the longer, the closer the bound is to the true refill. */
const sampleMemoryMs = 60_000;
/** Foreign use is measured over this time, ms. Over a longer time the bucket may have been full, which hides it. */
const foreignWindowMs = 4_000;
const minAnchorIntervalMs = 250;
/** Over a shorter interval, one wrong header could report any refill. */
const minIntervalMs = 1_000;

/**
 * Estimates how fast a bucket refills and how much of it other clients use. The refill is a lower bound, whatever the
 * order in which the server counted concurrent requests (each between its sending and its response), to avoid 429s from
 * an honest tenant. A low bound costs nothing: responses show the tokens that accumulated beyond it.
 */
export class RefillEstimator {
  /** Lower bound, requests per second. */
  minPerSecond: number;
  /** Lower bound by the reported time until the bucket is full, which holds whether the bucket is used or not. */
  reportedPerSecond: number;
  /** Most likely refill, requests per second. */
  likelyPerSecond = 0;
  /** Share of the recent use that is ours, 0 to 1. */
  ownShare = 1;
  /** Requests per second of other clients. */
  foreignPerSecond = 0;
  private anchors: Anchor[] = [];

  /** @param documentedPerSecond documented refill; 0 when unknown */
  constructor(private readonly documentedPerSecond: number) {
    this.reportedPerSecond = documentedPerSecond;
    this.minPerSecond = documentedPerSecond;
  }

  /** @param lagMs longest delay of a token compared with an even refill */
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
    let maxTaken = 0;
    for (const anchor of this.anchors.toReversed()) {
      if (anchor.now.at < sample.now.at - foreignWindowMs) return;
      const taken = computeForeignUse(anchor, sample, this.minPerSecond, lagMs);
      if (taken <= maxTaken) continue;
      maxTaken = taken;
      const ours = Math.max(1, sample.now.sent - anchor.now.sent);
      this.ownShare = ours / (ours + taken);
      this.foreignPerSecond = (taken / Math.max(minIntervalMs, sample.now.at - anchor.now.at)) * 1000;
    }
  }
}

/** The time until the bucket is full starts at the response; the request was counted up to its latency earlier. */
function computeReportedRefill({ headers: { limit, remaining, fullInMs }, charge, now }: RefillSample): number {
  if (fullInMs === undefined) return 0;
  // At least this request's token is missing.
  const missing = Math.max(1, limit - remaining - 1);
  return (missing / Math.max(minIntervalMs, fullInMs + now.at - charge.at)) * 1000;
}

/** Tokens gained from one sample to the next, divided by the longest possible time between them. */
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

/** Tokens missing from the bucket that are not ours, if the server counted our requests in the order of sending. */
function computeForeignUse(from: RefillSample, to: RefillSample, refill: number, lagMs: number): number {
  const span = Math.max(0, to.charge.at - from.now.at - lagMs) / 1000;
  const ours = to.charge.sent - from.charge.sent;
  const filled = Math.min(from.headers.limit, from.headers.remaining + refill * span);
  return filled - ours - to.headers.remaining - 1;
}
