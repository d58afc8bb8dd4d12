/** What is to happen when a certain request arrives. A promise holds the request's answer back until it settles. */
export type ArrivalCallback = () => void | Promise<void>;

export interface Arrivals {
  /** Throws a RangeError for a request that has come already. */
  expect(nth: number, callback: ArrivalCallback): void;
  /** To be told the number of each request; settles when its answer may be made. */
  arrived(nth: number): Promise<void>;
}

/** `count` tells how many requests have come so far. */
export function createArrivals(count: () => number): Arrivals {
  let waiting: { nth: number; callback: ArrivalCallback }[] = [];
  return {
    expect(nth, callback) {
      if (nth <= count()) throw new RangeError(`Request ${nth} has come already; the next one is ${count() + 1}`);
      waiting.push({ nth, callback });
    },
    async arrived(nth) {
      const due = waiting.filter((entry) => entry.nth === nth);
      if (due.length === 0) return;
      waiting = waiting.filter((entry) => entry.nth !== nth);
      for (const { callback } of due) await callback();
    },
  };
}
