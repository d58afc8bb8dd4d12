/** Runs when a request arrives. The response waits for the returned promise. */
export type RequestCallback = () => void | Promise<void>;

export interface RequestCallbacks {
  /** Throws RangeError for a request that has already arrived. */
  register(nth: number, callback: RequestCallback): void;
  /** Runs the callbacks of a request. Resolves when the request may be answered. */
  run(nth: number): Promise<void>;
}

/** @param countRequests returns the number of requests so far */
export function createRequestCallbacks(countRequests: () => number): RequestCallbacks {
  let waiting: { nth: number; callback: RequestCallback }[] = [];
  return {
    register(nth, callback) {
      if (nth <= countRequests())
        throw new RangeError(`Request ${nth} has already arrived; the next one is ${countRequests() + 1}`);
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
