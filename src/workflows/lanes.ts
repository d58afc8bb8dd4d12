import { condition } from '@temporalio/workflow';

/**
 * Works on items side by side. Each lane takes the first item that no other one works on, again and again, until there
 * is nothing more to come.
 * @param items those that are to be worked on, as they stand now; `work` takes out what is done, and may add others
 * @param over true when no lane shall begin with another item
 */
export class Lanes<Item> {
  private readonly inFlight = new Set<Item>();

  constructor(
    private readonly count: number,
    private readonly items: () => readonly Item[],
    private readonly over: () => boolean,
  ) {}

  /** Items that no lane works on. */
  get waiting(): number {
    return this.items().length - this.inFlight.size;
  }

  /** Resolves when all lanes have ended. Throws what `work` throws. */
  async run(work: (item: Item) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: this.count }, () => this.lane(work)));
  }

  private async lane(work: (item: Item) => Promise<void>): Promise<void> {
    const free = (): Item | undefined => this.items().find((each) => !this.inFlight.has(each));
    for (;;) {
      await condition(() => free() !== undefined || this.over());
      if (this.over()) return;
      const item = free();
      // Another lane woke up first.
      if (item === undefined) continue;
      this.inFlight.add(item);
      try {
        await work(item);
      } finally {
        this.inFlight.delete(item);
      }
    }
  }
}
