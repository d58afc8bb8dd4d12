/** What can be seen of a sync from outside, one name for each sort of event. */
export type SignalName =
  | 'asked'
  | 'answering'
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
  /** Whoever sees an event tells it here, and goes on when the promise settles: the blow has fallen by then. */
  emit(name: SignalName): Promise<void>;
  /** Calls back once, at the nth event of that name from now on. Answers how to take that back. */
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
