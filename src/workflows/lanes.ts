import { condition } from '@temporalio/workflow';

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
      this.inFlight.size < this.currentLimit() ? this.currentItems().find((each) => !this.inFlight.has(each)) : undefined;
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
