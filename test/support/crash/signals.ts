/** Events of a sync that can be observed from outside. */
export type SignalName =
  | 'request'
  | 'response'
  | 'answered'
  | 'temporal before'
  | 'temporal after'
  | 'postgres before'
  | 'postgres after'
  | 'segment'
  | 'records'
  | 'manifest'
  | 'state';

type Reaction = () => void | Promise<void>;

export interface Signals {
  /** Reports an event. The observer continues when the promise settles: a fault at this event has been injected by then. */
  emit(name: SignalName): Promise<void>;
  /** Calls back once, at the nth event of that name from now on. Returns a function that removes the callback. */
  expect(name: SignalName, nth: number, reaction: Reaction): () => void;
}

export function createSignals(): Signals {
  const waiting = new Set<{ name: SignalName; left: number; reaction: Reaction }>();
  return {
    async emit(name) {
      for (const each of waiting) {
        if (each.name !== name) continue;
        each.left -= 1;
        if (each.left > 0) continue;
        waiting.delete(each);
        await each.reaction();
      }
    },
    expect(name, nth, reaction) {
      const each = { name, left: nth, reaction };
      waiting.add(each);
      return () => waiting.delete(each);
    },
  };
}
