/** Rounds without another try, after one that did not pay. */
const cooldownRounds = 8;
const growthFactor = 1.5;
/** How far a guess at the limit reaches beyond what has been tried. */
const lookahead = { sent: 2, asked: 3 };
/** A larger window stays when it brings at least so much more throughput. */
const minThroughputGain = 1.1;
/** The part of a round's requests that may stay without an answer before the window is halved. */
const maxFailureShare = 0.25;

/** Weight of a new answer in the measured latency. */
const latencySmoothing = 0.1;
/** More than would just do at the measured latency, which is not always the same. */
const latencyMargin = 1.5;

/**
 * How many requests may be out at a time where no limit of the tenant says so: more as long as that brings more answers
 * a second, tried a round (a window's worth of requests) at a time and only while the window is what holds requests
 * back. Time is epoch ms.
 */
export class ConcurrencyWindow {
  private size: number;
  private latencyMs: number | undefined;
  private responses = 0;
  private failures = 0;
  private roundStartedAt: number | undefined;
  private wasBlocked = false;
  /** Answers to requests that went out under the former size: they say nothing of the new one. */
  private responsesToSkip = 0;
  private roundsToRest = 0;
  /** More than there is was tried last, and did not pay. */
  private growthStalled = false;
  /** The size and throughput (answers per ms) before the growth that is on trial. */
  private beforeGrowth: { size: number; throughput: number } | undefined;

  /** @param maxSize largest size; it begins with 4, or with `most` */
  constructor(private readonly maxSize: number) {
    this.size = Math.min(4, maxSize);
  }

  /** That answers take, on the average of the newest ones; undefined before the first. */
  get averageLatencyMs(): number | undefined {
    return this.latencyMs;
  }

  /** A request had to wait though no limit held it back. */
  recordBlocked(): void {
    this.wasBlocked = true;
  }

  /**
   * Requests that may be out where the tenant gives so many a second: as many as that asks for in any case.
   * @param estimatedPerSecond as many as it may well give: asks for some more than what has been tried
   */
  getCapacity(guaranteedPerSecond: number, estimatedPerSecond: number): number {
    const some = Math.min(this.computeConcurrency(estimatedPerSecond), this.limitLookahead(lookahead.sent));
    return Math.min(this.maxSize, Math.max(this.size, this.computeConcurrency(guaranteedPerSecond), some));
  }

  /**
   * Requests that should be asked for at a time.
   * @param saturationPerSecond as many as the tenant takes; Infinity while that is not what holds requests back
   * @param estimatedPerSecond as many as it may well give
   */
  getDemand(saturationPerSecond: number, estimatedPerSecond: number): number {
    const some = Math.min(this.computeConcurrency(estimatedPerSecond) + 1, this.limitLookahead(lookahead.asked));
    const more = Math.max(Math.ceil(this.size * growthFactor), some);
    return Math.min(
      this.maxSize,
      saturationPerSecond === Infinity ? more : this.computeConcurrency(saturationPerSecond) + 1,
    );
  }

  /** As many as a guess may ask for. */
  private limitLookahead(times: number): number {
    return this.growthStalled ? 0 : this.size * times;
  }

  /** @param latencyMs that the answer took */
  recordResponse(now: number, latencyMs: number): void {
    this.latencyMs = (this.latencyMs ?? latencyMs) * (1 - latencySmoothing) + latencyMs * latencySmoothing;
    this.recordOutcome(now, false);
  }

  /** No answer came. */
  recordFailure(now: number): void {
    this.recordOutcome(now, true);
  }

  private computeConcurrency(perSecond: number): number {
    return Math.ceil((perSecond * (this.latencyMs ?? 0) * latencyMargin) / 1000);
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
    // Requests that went out together come back together: within such a batch there is no pace to measure.
    if (this.responses + this.failures < this.size || passed < (this.latencyMs ?? 0) / 2) return;
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
