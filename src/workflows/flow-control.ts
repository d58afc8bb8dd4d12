import { CancellationScope, condition } from '@temporalio/workflow';

/** Why a run is paused. */
export interface Pause {
  /** For people; ends without a full stop. */
  reason: string;
}

/**
 * Lets work through while nothing is paused. Work that is under way when the gate closes is asked to stop: what it has
 * done by then is its result, and work that has done nothing is begun anew once the gate is open.
 */
export class PauseLock {
  private readonly runningScopes = new Set<CancellationScope>();

  /** @param pause carried through continue-as-new */
  constructor(private activePause?: Pause) {}

  get currentPause(): Pause | undefined {
    return this.activePause;
  }

  pause(pause: Pause): void {
    this.activePause = pause;
    for (const scope of this.runningScopes) scope.cancel();
  }

  resume(): void {
    this.activePause = undefined;
  }

  /** @param work answers with what it has done when its scope is cancelled, or throws when that is nothing */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      await condition(() => this.activePause === undefined);
      const scope = new CancellationScope();
      this.runningScopes.add(scope);
      try {
        return await scope.run(work);
      } catch (error) {
        const isOver = CancellationScope.current().consideredCancelled;
        // Whatever was wrong with work that was asked to stop will show again.
        if (isOver || !scope.consideredCancelled) throw error;
      } finally {
        this.runningScopes.delete(scope);
      }
    }
  }
}

/** How many lanes there are. */
export interface ConcurrencyLimits {
  /** Also while nobody knows how many are of use. Default 4. */
  min: number;
  /** Default 16. */
  max: number;
}

/** @param requested requests that should be asked for at a time; undefined while that is not known */
export function clampConcurrency({ min, max }: ConcurrencyLimits, requested: number | undefined): number {
  return Math.max(min, Math.min(max, requested ?? min));
}

/**
 * Works on items side by side: an item that nobody works on is begun, the first one first, whenever fewer are under way
 * than there are lanes, until there is nothing more to come.
 * @param count lanes, as of now
 * @param items those that are to be worked on, as they stand now; `work` takes out what is done, and may add others
 * @param over true when no other item shall be begun
 */
export class ConcurrencyPool<Item> {
  private readonly inFlight = new Set<Item>();
  private error: Error | undefined;

  constructor(
    private readonly currentLimit: () => number,
    private readonly currentItems: () => readonly Item[],
    private readonly isOver: () => boolean,
  ) {}

  /** Items that no lane works on. */
  get waiting(): number {
    return this.currentItems().length - this.inFlight.size;
  }

  /** Resolves when nothing is under way any more. Throws the first thing that `work` has thrown, after which nothing is begun. */
  async run(work: (item: Item) => Promise<void>): Promise<void> {
    const next = (): Item | undefined =>
      this.inFlight.size < this.currentLimit()
        ? this.currentItems().find((each) => !this.inFlight.has(each))
        : undefined;
    const over = (): boolean => this.error !== undefined || this.isOver();
    for (;;) {
      await condition(() => next() !== undefined || over());
      const item = over() ? undefined : next();
      if (item === undefined) break;
      void this.start(item, work);
    }
    await condition(() => this.inFlight.size === 0);
    if (this.error) throw this.error;
  }

  private async start(item: Item, work: (item: Item) => Promise<void>): Promise<void> {
    this.inFlight.add(item);
    try {
      await work(item);
    } catch (error) {
      this.error ??= error as Error;
    } finally {
      this.inFlight.delete(item);
    }
  }
}
