type Act = (now: number) => void;

export interface Event {
  at: number;
  order: number;
  act: Act;
  /** Set for a cancelled event. */
  off?: boolean;
}

/** A heap of events by time, then by the order of insertion. */
export class EventQueue {
  private readonly heap: Event[] = [];
  private order = 0;

  add(at: number, act: Act): Event {
    const { heap } = this;
    const entry: Event = { at, order: (this.order += 1), act };
    heap.push(entry);
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!this.swapUnless(parent, i)) break;
      i = parent;
    }
    return entry;
  }

  /** Runs all events. Throws when that takes longer than a simulated day. */
  run(after: (now: number) => void): number {
    let now = 0;
    for (let next = this.next(); next; next = this.next()) {
      if (next.off) continue;
      now = next.at;
      if (now > 24 * 3_600_000) throw new Error('the simulation does not end');
      next.act(now);
      after(now);
    }
    return now;
  }

  private next(): Event | undefined {
    const { heap } = this;
    const [top] = heap;
    const end = heap.pop();
    if (!end || !top || heap.length === 0) return top;
    heap[0] = end;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      const right = left + 1;
      const child = right < heap.length && this.before(right, left) ? right : left;
      if (child >= heap.length || !this.swapUnless(i, child)) return top;
      i = child;
    }
  }

  private before(one: number, other: number): boolean {
    const a = this.heap[one];
    const b = this.heap[other];
    return !!a && !!b && (a.at < b.at || (a.at === b.at && a.order < b.order));
  }

  private swapUnless(parent: number, child: number): boolean {
    const { heap } = this;
    const [a, b] = [heap[parent], heap[child]];
    if (!a || !b || !this.before(child, parent)) return false;
    heap[parent] = b;
    heap[child] = a;
    return true;
  }
}
