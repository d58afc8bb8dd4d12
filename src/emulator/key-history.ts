import type { Tenant } from './tenant';
import { TRUTH, TRUTH_STREAMS, type TruthStream } from './truth';

/** Keys by stream, as `truth.ts` writes them. */
export type StreamKeys = Record<TruthStream, Set<string>>;

/** Which records were there all the time, and which at some time: what a copy made meanwhile must hold, and may hold. */
export interface KeyHistory {
  /** Has the time begin now; before, it begins with the tenant. */
  mark(): void;
  /** Keys of the records that existed from the beginning until now without interruption. */
  heldThroughout(): StreamKeys;
  /** Keys of the records that existed at any moment. */
  everHeld(): StreamKeys;
}

/** `generate` makes the tenant anew as it was in the beginning: nothing is stored until somebody asks. */
export function createKeyHistory(tenant: Tenant, generate: () => Tenant): KeyHistory {
  let first: StreamKeys | undefined;
  let appeared = mapStreams(() => new Set<string>());
  tenant.onAppearance((stream, key) => appeared[stream].add(key));
  const readFirst = (): StreamKeys => (first ??= readKeys(generate()));

  return {
    mark() {
      first = readKeys(tenant);
      appeared = mapStreams(() => new Set<string>());
    },
    heldThroughout() {
      const [before, now] = [readFirst(), readKeys(tenant)];
      return mapStreams((stream) => {
        const isStill = (key: string): boolean => now[stream].has(key) && !appeared[stream].has(key);
        return new Set([...before[stream]].filter(isStill));
      });
    },
    everHeld() {
      const before = readFirst();
      return mapStreams((stream) => new Set([...before[stream], ...appeared[stream]]));
    },
  };
}

function readKeys(tenant: Tenant): StreamKeys {
  return mapStreams((stream) => {
    const keys = new Set<string>();
    for (const { key } of TRUTH[stream](tenant)) keys.add(key);
    return keys;
  });
}

function mapStreams(keysOf: (stream: TruthStream) => Set<string>): StreamKeys {
  return Object.fromEntries(TRUTH_STREAMS.map((stream) => [stream, keysOf(stream)])) as StreamKeys;
}
