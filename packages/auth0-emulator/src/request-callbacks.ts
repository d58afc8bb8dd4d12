/** What is to happen when a certain request arrives. A promise holds the request's answer back until it settles. */
export type RequestCallback = () => void | Promise<void>;

export interface RequestCallbacks {
  /** Throws a RangeError for a request that has come already. */
  register(nth: number, callback: RequestCallback): void;
  /** To be told the number of each request; settles when its answer may be made. */
  run(nth: number): Promise<void>;
}

/** `count` tells how many requests have come so far. */
export function createRequestCallbacks(countRequests: () => number): RequestCallbacks {
  let waiting: { nth: number; callback: RequestCallback }[] = [];
  return {
    register(nth, callback) {
      if (nth <= countRequests())
        throw new RangeError(`Request ${nth} has come already; the next one is ${countRequests() + 1}`);
      waiting.push({ nth, callback });
    },
    async run(nth) {
      const due = waiting.filter((entry) => entry.nth === nth);
      if (due.length === 0) return;
      waiting = waiting.filter((entry) => entry.nth !== nth);
      for (const { callback } of due) await callback();
    },
  };
}
