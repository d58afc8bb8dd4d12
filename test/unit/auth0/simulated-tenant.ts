import { RateLimiter, type Permit } from '../../../src/auth0/rate-limit/rate-limiter';
import type { RateLimitHeaders, RateLimitRefusal } from '../../../src/auth0/rate-limit/rate-limit-headers';
import { ConcurrencyWindow } from '../../../src/auth0/rate-limit/concurrency-window';
import { type Event, EventQueue } from './event-queue';

/** A token bucket as Auth0 describes it. `stepMs`: refill interval; default: evenly. */
export interface BucketSpec {
  size: number;
  perSecond: number;
  stepMs?: number;
}

export interface Answer {
  ok: boolean;
  headers: RateLimitHeaders;
}

export interface ServerBucket {
  spec: BucketSpec;
  charge(now: number): Answer;
  /** Changes the bucket and keeps its content, up to the new size. */
  change(spec: BucketSpec, now: number): void;
  tokens(now: number): number;
}

/** The reset is rounded up to seconds, the time of the response down. */
export function createBucket(first: BucketSpec): ServerBucket {
  let content = first.size;
  let filledAt = 0;
  const bucket: ServerBucket = {
    spec: first,
    tokens(now) {
      const { size, perSecond, stepMs } = bucket.spec;
      const passed = stepMs ? Math.floor((now - filledAt) / stepMs) * stepMs : now - filledAt;
      content = Math.min(size, content + (passed / 1000) * perSecond);
      filledAt += passed;
      return content;
    },
    charge(now) {
      // Sums of fractions are not exact.
      const ok = bucket.tokens(now) > 1 - 1e-6;
      if (ok) content -= 1;
      const { size, perSecond } = bucket.spec;
      const full = Math.ceil((now + ((size - content) / perSecond) * 1000) / 1000 - 1e-9);
      const fullInMs = (full - Math.floor(now / 1000)) * 1000;
      const remaining = Math.floor(content + 1e-6);
      return { ok, headers: { limit: size, remaining, fullInMs } };
    },
    change(spec, now) {
      content = Math.min(bucket.tokens(now), spec.size);
      filledAt = now;
      bucket.spec = spec;
    },
  };
  return bucket;
}

export interface ClientSpec {
  route: string;
  requests: number;
  reserve?: number;
  /** Number of concurrent callers. */
  callers?: number;
  /** Response time, and the share of it before the server counts the request. */
  latency(nth: number): { ms: number; before: number };
  /** Whether the nth request gets no response. */
  lost?(nth: number): boolean;
  begin?: number;
}

/** Changes the headers of a response. */
export type HeaderFilter = (answer: Answer, now: number) => RateLimitRefusal;

export const honest: HeaderFilter = ({ headers }) => ({
  headers,
  ...(headers.fullInMs !== undefined && headers.fullInMs > 0 && { resetMs: headers.fullInMs }),
});

export interface Outcome {
  /** Time from the first to the last request, per client. */
  seconds: number[];
  /** The same for all clients. */
  total: number;
  requests: number;
  refused: number;
  /** Refused requests of other clients. */
  othersRefused: number;
  /** Largest number of requests in flight, of all clients. */
  most: number;
  limits: RateLimiter[];
  /** Number of timer events. */
  alarms: number;
  end: number;
}

export interface Scenario {
  clients: ClientSpec[];
  /** The buckets that a request of this route draws on. Its response names the scarcest. */
  buckets(route: string): ServerBucket[];
  veil?: HeaderFilter;
  /** Times at which others take a token of the first client's buckets, ms, ascending. */
  others?: number[];
  /** Scheduled actions, ms. */
  at?: [number, (now: number) => void][];
  /** Offset of the clock. */
  epoch?: number;
  /** Whether the clients are routes of one process that share its limiter. */
  together?: boolean;
  /** Called after every event. */
  watch?(now: number, limits: RateLimiter[], out: number[]): void;
}

function addResponseDate({ ok, headers }: Answer, counted: number, written: number): Answer {
  const later = (Math.floor(written / 1000) - Math.floor(counted / 1000)) * 1000;
  return { ok, headers: { ...headers, fullInMs: (headers.fullInMs ?? 0) - later } };
}

/** Simulates clients and a tenant. */
export function simulate(scenario: Scenario): Outcome {
  const { clients, buckets, veil = honest, others = [], at = [], together = false, watch, epoch = 0 } = scenario;
  const queue = new EventQueue();
  const base = 1_700_000_000_000 + epoch;
  const first: number[] = [];
  const last: number[] = [];
  const out = clients.map(() => 0);
  const all = { requests: 0, refused: 0, othersRefused: 0, most: 0, alarms: 0 };
  const charge = (route: string, now: number): Answer => {
    const answers: Answer[] = [];
    for (const bucket of buckets(route)) {
      const answer = bucket.charge(now);
      answers.push(answer);
      if (!answer.ok) return answer;
    }
    return answers.reduce((least, answer) => (answer.headers.remaining < least.headers.remaining ? answer : least));
  };
  const shared = together ? new RateLimiter(clients[0]?.reserve ?? 0.1) : undefined;
  const awake: ((now: number) => void)[] = [];
  const players = clients.map((client, number) => {
    const { route, requests, reserve = 0.1, callers = 64, latency, lost = () => false } = client;
    const limits = shared ?? new RateLimiter(reserve);
    const window = new ConcurrencyWindow(64);
    let done = 0;
    let sent = 0;
    let alarm: Event | undefined;
    const send = (permit: Permit, now: number): void => {
      const nth = (sent += 1);
      const { ms, before } = latency(nth);
      out[number] = (out[number] ?? 0) + 1;
      all.most = Math.max(
        all.most,
        out.reduce((sum, one) => sum + one, 0),
      );
      let answer: Answer;
      queue.add(now + ms * before, (time) => {
        first[number] ??= time;
        last[number] = time;
        all.requests += 1;
        // The Date header is written at the response, which may be long after the request was counted.
        answer = addResponseDate(charge(route, base + time), base + time, base + now + ms);
        if (!answer.ok) all.refused += 1;
      });
      queue.add(now + ms, (time) => {
        out[number] = (out[number] ?? 0) - 1;
        if (lost(nth)) {
          window.recordFailure(base + time);
          limits.recordFailure(permit, base + time);
        } else if (answer.ok) {
          done += 1;
          window.recordResponse(base + time, ms);
          limits.recordResponse(permit, veil(answer, base + time).headers, base + time);
        } else {
          limits.recordRefusal(permit, veil(answer, base + time), base + time, (nth * 0.37) % 1);
        }
        if (together) for (const one of [...awake.slice(number + 1), ...awake.slice(0, number + 1)]) one(time);
        else admit(time);
      });
    };
    const admit = (now: number): void => {
      if (alarm) alarm.off = true;
      while (done + (out[number] ?? 0) < requests && (out[number] ?? 0) < callers) {
        const wait = limits.getWaitMs(route, base + now);
        if (wait > 0) {
          const ring = (time: number): void => {
            all.alarms += 1;
            admit(time);
          };
          alarm = wait === Infinity ? undefined : queue.add(now + Math.max(1, Math.ceil(wait)), ring);
          return;
        }
        if ((out[number] ?? 0) >= window.getCapacity(limits.getGuaranteedRate(), limits.getEstimatedRate())) {
          window.recordBlocked();
          return;
        }
        send(limits.acquire(route, base + now), now);
      }
    };
    awake.push(admit);
    queue.add(client.begin ?? 0, admit);
    return limits;
  });
  const [route] = clients.map((client) => client.route);
  for (const time of others) {
    queue.add(time, (now) => {
      if (!charge(route ?? '', base + now).ok) all.othersRefused += 1;
    });
  }
  for (const [time, act] of at) queue.add(time, (now) => act(base + now));
  const end = queue.run((now) => watch?.(base + now, players, out));
  const total = (Math.max(...last) - Math.min(...first)) / 1000;
  const seconds = last.map((time, number) => (time - (first[number] ?? 0)) / 1000);
  return { ...all, seconds, total, limits: players, end };
}
