/** Rounds without another try, after one that did not pay. */
const restRounds = 8;
const growth = 1.5;
/** How far a guess at the limit reaches beyond what has been tried. */
const foresight = { sent: 2, asked: 3 };
/** A larger window stays when it brings at least so much more throughput. */
const worthwhile = 1.1;
/** The part of a round's requests that may stay without an answer before the window is halved. */
const bearable = 0.25;

/** Weight of a new answer in the measured latency. */
const smoothing = 0.1;
/** More than would just do at the measured latency, which is not always the same. */
const slack = 1.5;

/**
 * How many requests may be out at a time where no limit of the tenant says so: more as long as that brings more answers
 * a second, tried a round (a window's worth of requests) at a time and only while the window is what holds requests
 * back. Time is epoch ms.
 */
export class Window {
  private size: number;
  private latencyMs: number | undefined;
  private answers = 0;
  private failures = 0;
  private begunAt: number | undefined;
  private held = false;
  /** Answers to requests that went out under the former size: they say nothing of the new one. */
  private skip = 0;
  private rest = 0;
  /** More than there is was tried last, and did not pay. */
  private enough = false;
  /** The size and throughput (answers per ms) before the growth that is on trial. */
  private former: { size: number; throughput: number } | undefined;

  /** @param most largest size; it begins with 4, or with `most` */
  constructor(private readonly most: number) {
    this.size = Math.min(4, most);
  }

  /** That answers take, on the average of the newest ones; undefined before the first. */
  get latency(): number | undefined {
    return this.latencyMs;
  }

  /** A request had to wait though no limit held it back. */
  hold(): void {
    this.held = true;
  }

  /**
   * Requests that may be out where the tenant gives so many a second: as many as that asks for in any case.
   * @param thought as many as it may well give: asks for some more than what has been tried
   */
  room(perSecond: number, thought: number): number {
    const some = Math.min(this.needed(thought), this.ahead(foresight.sent));
    return Math.min(this.most, Math.max(this.size, this.needed(perSecond), some));
  }

  /**
   * Requests that should be asked for at a time.
   * @param perSecond as many as the tenant takes; Infinity while that is not what holds requests back
   * @param thought as many as it may well give
   */
  wanted(perSecond: number, thought: number): number {
    const some = Math.min(this.needed(thought) + 1, this.ahead(foresight.asked));
    const more = Math.max(Math.ceil(this.size * growth), some);
    return Math.min(this.most, perSecond === Infinity ? more : this.needed(perSecond) + 1);
  }

  /** As many as a guess may ask for. */
  private ahead(times: number): number {
    return this.enough ? 0 : this.size * times;
  }

  /** @param latencyMs that the answer took */
  answered(now: number, latencyMs: number): void {
    this.latencyMs = (this.latencyMs ?? latencyMs) * (1 - smoothing) + latencyMs * smoothing;
    this.count(now, false);
  }

  /** No answer came. */
  failed(now: number): void {
    this.count(now, true);
  }

  private needed(perSecond: number): number {
    return Math.ceil((perSecond * (this.latencyMs ?? 0) * slack) / 1000);
  }

  private count(now: number, failed: boolean): void {
    if (this.begunAt === undefined || this.skip > 0) {
      this.skip = Math.max(0, this.skip - 1);
      if (this.skip === 0) this.begin(now);
      return;
    }
    if (failed) this.failures += 1;
    else this.answers += 1;
    const passed = now - this.begunAt;
    // Requests that went out together come back together: within such a batch there is no pace to measure.
    if (this.answers + this.failures < this.size || passed < (this.latencyMs ?? 0) / 2) return;
    this.judge(this.answers / Math.max(1, passed), now);
  }

  private judge(throughput: number, now: number): void {
    const { answers, failures, former, held, size } = this;
    this.former = undefined;
    if (former) this.enough = throughput < former.throughput * worthwhile;
    this.begin(now);
    if (failures > 1 && failures > (answers + failures) * bearable) {
      this.resize(Math.ceil(size / 2));
      this.rest = restRounds;
      this.enough = true;
    } else if (!held) {
      return;
    } else if (former && this.enough) {
      this.resize(former.size);
      this.rest = restRounds;
    } else if (this.rest > 0) {
      this.rest -= 1;
    } else if (size < this.most) {
      this.resize(Math.min(this.most, Math.ceil(size * growth)));
      this.former = { size, throughput };
    }
  }

  private resize(size: number): void {
    this.skip = this.size;
    this.size = size;
  }

  private begin(now: number): void {
    this.answers = 0;
    this.failures = 0;
    this.begunAt = now;
    this.held = false;
  }
}
