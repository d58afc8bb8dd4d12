import { hash } from './random';

export type FaultKind =
  /** JSON body of a 400. */
  | '400'
  /** JSON body of a 500. */
  | '500'
  /** HTML body of a 502, as the proxy in front of Auth0 sends it. */
  | '502'
  | '503'
  | '504'
  /** 503 with the message of a user search timeout. */
  | '503-search-timeout'
  /** Resets the connection without a response. */
  | 'reset'
  /** Half of the body with a matching Content-Length: a complete HTTP message with truncated JSON. */
  | 'cut'
  /** Half of the body with the Content-Length of the full body; then the connection closes. */
  | 'cut-length'
  /** 200 with an HTML page. */
  | 'html'
  /** Delays the response by `ms` (default 5,000). */
  | 'slow'
  /** 429 although the buckets are not empty. */
  | '429'
  /** 200 with `{}`. */
  | 'empty-object'
  /** Repeats the body of the endpoint's previous response. */
  | 'repeat-page'
  /** Omits rows of a list without changing `total` and `next`, as when an index's count and rows disagree. */
  | 'omit-rows';

/** A fault and when it occurs. Set at most one of `nth`, `every` and `probability`; without them, every matching request fails. */
export interface Fault {
  /** Regular expression over a request's path and query (`/api/v2/users?page=1`, `/oauth/token`). Default: all requests. */
  match?: string;
  kind: FaultKind;
  /** The nth matching request, from 1. */
  nth?: number;
  /** Each time after this number of matching requests. */
  every?: number;
  /** Probability, 0 to 1; reproducible with the scenario's seed. */
  probability?: number;
  /** Maximum number of occurrences. Default: no limit. */
  times?: number;
  /** Id of a record: only responses with this record, including its `name`, fail. Not for `slow`. */
  record?: string;
  /** Delay for `slow`. */
  ms?: number;
  /** Message in the body of a 400, 500, 502, 503, 504 or `html`. Default: a usual one. */
  text?: string;
  /** For `omit-rows`: every so manieth row of the page is left out (1: all of them). Default 3. */
  rows?: number;
}

export interface FaultInjector {
  /** The fault to inject into this request, if any. */
  selectFault(url: string): Fault | undefined;
}

/** Throws SyntaxError when a `match` is not a regular expression. */
export function createFaultInjector(faults: readonly Fault[], seed: number): FaultInjector {
  const plans = faults.map((fault) => ({ fault, pattern: new RegExp(fault.match ?? ''), seen: 0, injected: 0 }));
  return {
    selectFault(url) {
      let selected: Fault | undefined;
      for (const plan of plans) {
        if (!plan.pattern.test(url)) continue;
        plan.seen += 1;
        if (selected || plan.injected >= (plan.fault.times ?? Infinity)) continue;
        if (!isFaultDue(plan.fault, plan.seen, seed)) continue;
        plan.injected += 1;
        selected = plan.fault;
      }
      return selected;
    },
  };
}

function isFaultDue({ nth, every, probability }: Fault, seen: number, seed: number): boolean {
  if (nth !== undefined) return seen === nth;
  if (every !== undefined) return seen % every === 0;
  if (probability !== undefined) return hash(seed, 80, seen) / 2 ** 32 < probability;
  return true;
}
