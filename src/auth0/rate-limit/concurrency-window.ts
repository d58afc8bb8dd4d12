/** Rounds without a new attempt to grow, after one that did not increase the throughput. */
const cooldownRounds = 8;
const growthFactor = 1.5;
/** Multiples of the window size that an estimated rate may use before it is confirmed. */
const lookahead = { capacity: 2, demand: 3 };
/** A larger window is kept when it increases the throughput by at least this factor. */
const minThroughputGain = 1.1;
/** Share of a round's requests that may fail before the window is halved. */
const maxFailureShare = 0.25;

/** Weight of a new response in the average latency. */
const latencySmoothing = 0.1;
/** Latency varies, so the window is larger than the average latency requires. */
const latencyMargin = 1.5;

/**
 * Number of requests in flight where no rate limit bounds it. It grows while that increases the throughput, one round (a
 * window's worth of requests) at a time, and only while the window is what blocks requests. Time is epoch ms.
 */
export class ConcurrencyWindow {
  /** Moving average of the response time; undefined before the first response. */
  averageLatencyMs: number | undefined;
  private size: number;
  private responses = 0;
  private failures = 0;
  private roundStartedAt: number | undefined;
  private wasBlocked = false;
  /** Responses to requests sent with the previous size, which do not measure the new one. */
  private responsesToSkip = 0;
  private roundsToRest = 0;
  /** Whether the last growth did not increase the throughput. */
  private growthStalled = false;
  /** Size and throughput (responses per ms) before the growth under evaluation. */
  private beforeGrowth: { size: number; throughput: number } | undefined;

  /** @param maxSize largest size; the initial size is 4 or `maxSize`, whichever is smaller */
  constructor(private readonly maxSize: number) {
    this.size = Math.min(4, maxSize);
  }

  /** Records that the window, not a rate limit, made a request wait. */
  recordBlocked(): void {
    this.wasBlocked = true;
  }

  /**
   * Number of requests that may be in flight.
   * @param guaranteedPerSecond rate that the tenant is known to allow; the capacity always suffices for it
   * @param estimatedPerSecond rate that the tenant probably allows; the capacity approaches it step by step
   */
  getCapacity(guaranteedPerSecond: number, estimatedPerSecond: number): number {
    const estimated = Math.min(this.computeConcurrency(estimatedPerSecond), this.limitLookahead(lookahead.capacity));
    return Math.min(this.maxSize, Math.max(this.size, this.computeConcurrency(guaranteedPerSecond), estimated));
  }

  /**
   * Number of requests that callers should have in flight or waiting.
   * @param saturationPerSecond rate at which the rate limit is the bottleneck; Infinity while it is not
   * @param estimatedPerSecond rate that the tenant probably allows
   */
  getDemand(saturationPerSecond: number, estimatedPerSecond: number): number {
    if (saturationPerSecond !== Infinity) {
      return Math.min(this.maxSize, this.computeConcurrency(saturationPerSecond) + 1);
    }
    const estimated = Math.min(this.computeConcurrency(estimatedPerSecond) + 1, this.limitLookahead(lookahead.demand));
    return Math.min(this.maxSize, Math.max(Math.ceil(this.size * growthFactor), estimated));
  }

  private limitLookahead(times: number): number {
    return this.growthStalled ? 0 : this.size * times;
  }

  /** @param latencyMs response time of the request */
  recordResponse(now: number, latencyMs: number): void {
    const average = this.averageLatencyMs ?? latencyMs;
    this.averageLatencyMs = average * (1 - latencySmoothing) + latencyMs * latencySmoothing;
    this.recordOutcome(now, false);
  }

  recordFailure(now: number): void {
    this.recordOutcome(now, true);
  }

  private computeConcurrency(perSecond: number): number {
    return Math.ceil((perSecond * (this.averageLatencyMs ?? 0) * latencyMargin) / 1000);
  }

  private recordOutcome(now: number, failed: boolean): void {
    if (this.roundStartedAt === undefined || this.responsesToSkip > 0) {
      this.responsesToSkip = Math.max(0, this.responsesToSkip - 1);
      if (this.responsesToSkip === 0) this.startRound(now);
      return;
    }
    if (failed) this.failures += 1;
    else this.responses += 1;
    const passed = now - this.roundStartedAt;
    // Requests sent together are answered together, so a shorter time does not measure the throughput.
    if (this.responses + this.failures < this.size || passed < (this.averageLatencyMs ?? 0) / 2) return;
    this.evaluateRound(this.responses / Math.max(1, passed), now);
  }

  private evaluateRound(throughput: number, now: number): void {
    const { responses, failures, beforeGrowth, wasBlocked, size } = this;
    this.beforeGrowth = undefined;
    if (beforeGrowth) this.growthStalled = throughput < beforeGrowth.throughput * minThroughputGain;
    this.startRound(now);
    if (failures > 1 && failures > (responses + failures) * maxFailureShare) {
      this.resize(Math.ceil(size / 2));
      this.roundsToRest = cooldownRounds;
      this.growthStalled = true;
    } else if (!wasBlocked) {
      return;
    } else if (beforeGrowth && this.growthStalled) {
      this.resize(beforeGrowth.size);
      this.roundsToRest = cooldownRounds;
    } else if (this.roundsToRest > 0) {
      this.roundsToRest -= 1;
    } else if (size < this.maxSize) {
      this.resize(Math.min(this.maxSize, Math.ceil(size * growthFactor)));
      this.beforeGrowth = { size, throughput };
    }
  }

  private resize(size: number): void {
    this.responsesToSkip = this.size;
    this.size = size;
  }

  private startRound(now: number): void {
    this.responses = 0;
    this.failures = 0;
    this.roundStartedAt = now;
    this.wasBlocked = false;
  }
}
