import {
  type BucketSpec,
  type ClientSpec,
  createBucket,
  type Outcome,
  type Scenario,
  simulate,
} from './simulated-tenant';

/** 0 to 1, deterministic. */
export function chance(seed: number, nth: number): number {
  let x = Math.imul(seed + 1, 2654435761) ^ Math.imul(nth + 1, 2246822519);
  x = Math.imul(x ^ (x >>> 15), 3266489917);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

/** `ms` ± 20 %, counted by the server at any time in between, so responses arrive in another order than they are counted. */
export const around =
  (ms: number, seed = 7): ClientSpec['latency'] =>
  (nth) => ({ ms: ms * (0.8 + chance(seed, nth) * 0.4), before: chance(seed + 1, nth) });

export const enterprise: BucketSpec = { size: 50, perSecond: 16 };
export const free: BucketSpec = { size: 2, perSecond: 2 };
export const perMinute = (size: number, requests: number): BucketSpec => ({
  size,
  perSecond: requests / 60,
  stepMs: 1_000,
});

export type RunOptions = Partial<ClientSpec> & Omit<Partial<Scenario>, 'clients' | 'buckets'> & { clients?: number };

/** Simulates equal clients of one bucket, each with `requests`. */
export function run(spec: BucketSpec, requests: number, ms: number, options: RunOptions = {}): Outcome {
  const { clients = 1, veil, others, at, watch, ...client } = options;
  const bucket = createBucket(spec);
  return simulate({
    clients: Array.from({ length: clients }, (_, seed) => ({
      route: spec.stepMs ? 'organizations/{id}/members' : 'users',
      requests,
      latency: around(ms, seed),
      ...client,
    })),
    buckets: () => [bucket],
    epoch: 333,
    ...(veil && { veil }),
    ...(others && { others }),
    ...(at && { at }),
    ...(watch && { watch }),
  });
}

/** Least time for `requests`, seconds. */
export const bound = ({ size, perSecond }: BucketSpec, requests: number): number => (requests - size) / perSecond;
