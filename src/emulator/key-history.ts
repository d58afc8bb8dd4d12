import type { EmulatedTenant } from './tenant';
import { TRUTH_READERS, TRUTH_STREAMS, type TruthStream } from './truth';

/** Keys by stream, as `truth.ts` writes them. */
export type StreamKeys = Record<TruthStream, Set<string>>;

/** Which records were there all the time, and which at some time: what a copy made meanwhile must hold, and may hold. */
export interface KeyHistory {
  /** Has the time begin now; before, it begins with the tenant. */
  restartKeyHistory(): void;
  /** Keys of the records that existed from the beginning until now without interruption. */
  listKeysAlwaysPresent(): StreamKeys;
  /** Keys of the records that existed at any moment. */
  listKeysEverPresent(): StreamKeys;
}

/** `generate` makes the tenant anew as it was in the beginning: nothing is stored until somebody asks. */
export function createKeyHistory(tenant: EmulatedTenant, generateInitialTenant: () => EmulatedTenant): KeyHistory {
  let first: StreamKeys | undefined;
  let appeared = mapTruthStreams(() => new Set<string>());
  tenant.onAppearance((stream, key) => appeared[stream].add(key));
  const readFirst = (): StreamKeys => (first ??= readTenantKeys(generateInitialTenant()));

  return {
    restartKeyHistory() {
      first = readTenantKeys(tenant);
      appeared = mapTruthStreams(() => new Set<string>());
    },
    listKeysAlwaysPresent() {
      const [before, now] = [readFirst(), readTenantKeys(tenant)];
      return mapTruthStreams((stream) => {
        const isStill = (key: string): boolean => now[stream].has(key) && !appeared[stream].has(key);
        return new Set([...before[stream]].filter(isStill));
      });
    },
    listKeysEverPresent() {
      const before = readFirst();
      return mapTruthStreams((stream) => new Set([...before[stream], ...appeared[stream]]));
    },
  };
}

function readTenantKeys(tenant: EmulatedTenant): StreamKeys {
  return mapTruthStreams((stream) => {
    const keys = new Set<string>();
    for (const { key } of TRUTH_READERS[stream](tenant)) keys.add(key);
    return keys;
  });
}

function mapTruthStreams(selectKeys: (stream: TruthStream) => Set<string>): StreamKeys {
  return Object.fromEntries(TRUTH_STREAMS.map((stream) => [stream, selectKeys(stream)])) as StreamKeys;
}
