import { RateLimiter, type Permit } from '../../../src/auth0/rate-limit/rate-limiter';
import type { RateLimitHeaders, RateLimitRefusal } from '../../../src/auth0/rate-limit/rate-limit-headers';
import { ConcurrencyWindow } from '../../../src/auth0/rate-limit/concurrency-window';
import { type Event, EventQueue } from './event-queue';

/** A token bucket as Auth0 describes it; with `stepMs` it is refilled once in so many ms, else evenly. */
export interface BucketSpec {
  size: number;
  perSecond: number;
  stepMs?: number;
}

export interface Answer {
  ok: boolean;
  reading: RateLimitHeaders;
}

export interface ServerBucket {
  spec: BucketSpec;
  charge(now: number): Answer;
  /** From `now` on it is another bucket; what is in it stays, as far as it fits. */
  change(spec: BucketSpec, now: number): void;
  tokens(now: number): number;
}

/** Reset is a whole second, rounded up; the time beside it a whole second, rounded down. */
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
      // Sums of parts of tokens are not exact.
      const ok = bucket.tokens(now) > 1 - 1e-6;
      if (ok) content -= 1;
      const { size, perSecond } = bucket.spec;
      const full = Math.ceil((now + ((size - content) / perSecond) * 1000) / 1000 - 1e-9);
      const fullInMs = (full - Math.floor(now / 1000)) * 1000;
      const remaining = Math.floor(content + 1e-6);
      return { ok, reading: { limit: size, remaining, fullInMs } };
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
  /** How many ask at a time. */
  callers?: number;
  /** Time from sending to answer, ms, and the part of it before the server counts the request. */
  latency(nth: number): { ms: number; before: number };
  /** The nth request gets no answer. */
  lost?(nth: number): boolean;
  begin?: number;
}

/** What becomes of an answer's headers on the way. */
export type Veil = (answer: Answer, now: number) => RateLimitRefusal;

export const honest: Veil = ({ reading: headers }) => ({
  headers,
  ...(headers.fullInMs !== undefined && headers.fullInMs > 0 && { resetMs: headers.fullInMs }),
});

export interface Outcome {
  /** First to last request as the server counts them, per client. */
  seconds: number[];
  /** Over all. */
  total: number;
  requests: number;
  refused: number;
  /** Of the requests of the others. */
  othersRefused: number;
  /** Most out at a time, of all clients. */
  most: number;
  limits: RateLimiter[];
  /** The alarm rang so many times. */
  alarms: number;
  end: number;
}

export interface Scenario {
  clients: ClientSpec[];
  /** The buckets that a request of this route draws on, all of them; its answer names the scarcest. */
  buckets(route: string): ServerBucket[];
  veil?: Veil;
  /** When others take a token each, ms, ascending, of the first client's buckets. */
  others?: number[];
  /** Things that happen, ms. */
  at?: [number, (now: number) => void][];
  /** Clocks do not begin at zero. */
  epoch?: number;
  /** The clients are routes of one process, whose limits they share. */
  together?: boolean;
  /** Looks at everything after every event. */
  watch?(now: number, limits: RateLimiter[], out: number[]): void;
}

function date({ ok, reading }: Answer, counted: number, written: number): Answer {
  const later = (Math.floor(written / 1000) - Math.floor(counted / 1000)) * 1000;
  return { ok, reading: { ...reading, fullInMs: (reading.fullInMs ?? 0) - later } };
}

/** Plays clients against a tenant in simulated time. */
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
    return answers.reduce((least, answer) => (answer.reading.remaining < least.reading.remaining ? answer : least));
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
        // An answer is dated when it is written, which may be long after the request was counted.
        answer = date(charge(route, base + time), base + time, base + now + ms);
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
