import { condition } from '@temporalio/workflow';

/** How many lanes there are. */
export interface LaneLimits {
  /** Also while nobody knows how many are of use. Default 4. */
  least: number;
  /** Default 16. */
  most: number;
}

/** @param concurrency requests that should be asked for at a time; undefined while that is not known */
export function lanesFor({ least, most }: LaneLimits, concurrency: number | undefined): number {
  return Math.max(least, Math.min(most, concurrency ?? least));
}

/**
 * Works on items side by side: an item that nobody works on is begun, the first one first, whenever fewer are under way
 * than there are lanes, until there is nothing more to come.
 * @param count lanes, as of now
 * @param items those that are to be worked on, as they stand now; `work` takes out what is done, and may add others
 * @param over true when no other item shall be begun
 */
export class Lanes<Item> {
  private readonly inFlight = new Set<Item>();
  private error: Error | undefined;

  constructor(
    private readonly count: () => number,
    private readonly items: () => readonly Item[],
    private readonly over: () => boolean,
  ) {}

  /** Items that no lane works on. */
  get waiting(): number {
    return this.items().length - this.inFlight.size;
  }

  /** Resolves when nothing is under way any more. Throws the first thing that `work` has thrown, after which nothing is begun. */
  async run(work: (item: Item) => Promise<void>): Promise<void> {
    const next = (): Item | undefined =>
      this.inFlight.size < this.count() ? this.items().find((each) => !this.inFlight.has(each)) : undefined;
    const over = (): boolean => this.error !== undefined || this.over();
    for (;;) {
      await condition(() => next() !== undefined || over());
      const item = over() ? undefined : next();
      if (item === undefined) break;
      void this.begin(item, work);
    }
    await condition(() => this.inFlight.size === 0);
    if (this.error) throw this.error;
  }

  private async begin(item: Item, work: (item: Item) => Promise<void>): Promise<void> {
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
