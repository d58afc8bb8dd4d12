import { hash } from './random';

export type FaultKind =
  /** JSON body of a 400. */
  | '400'
  /** JSON body of a 500. */
  | '500'
  /** HTML page of a 502, as the proxy in front of Auth0 sends it. */
  | '502'
  | '503'
  | '504'
  /** 503 with the message of a user search that took too long. */
  | '503-search-timeout'
  /** The connection is reset before anything is answered. */
  | 'reset'
  /** Half of the body under a Content-Length that fits it: a whole HTTP message, broken JSON. */
  | 'cut'
  /** Half of the body under the whole body's Content-Length; then the connection ends. */
  | 'cut-length'
  /** 200 with an HTML page. */
  | 'html'
  /** The answer comes `ms` later (default 5,000). */
  | 'slow'
  /** 429 though the buckets are not empty. */
  | '429'
  /** 200 with `{}`. */
  | 'empty-object'
  /** The body of the endpoint's answer before this one, again. */
  | 'repeat-page'
  /** Lists leave rows out; `total` and `next` stay as if they were there, as with an index whose count and rows disagree. */
  | 'omit-rows';

/** When something goes wrong. Of `nth`, `every` and `probability` one is given; with none, every matching request fails. */
export interface Fault {
  /** Regular expression over the path and query of a request, as sent (`/api/v2/users?page=1`); `/oauth/token` matches too. Default: all. */
  match?: string;
  kind: FaultKind;
  /** The nth matching request, from 1. */
  nth?: number;
  /** Every so many matching requests. */
  every?: number;
  /** With this probability, drawn reproducibly. */
  probability?: number;
  /** At most so many times. Default: no limit. */
  times?: number;
  /** Id of a record: only answers that hold its `name` fail. Not for `slow`. */
  record?: string;
  /** For `slow`: milliseconds. */
  ms?: number;
  /** What the body of a 400, 500, 503, 502, 504 or `html` says in place of the usual words. */
  text?: string;
  /** For `omit-rows`: every so manieth row of the page is left out (1: all of them). Default 3. */
  rows?: number;
}

export interface FaultInjector {
  /** The fault that strikes this request, if any. */
  selectFault(url: string): Fault | undefined;
}

/** Throws a SyntaxError for a `match` that is no regular expression. */
export function createFaultInjector(faults: readonly Fault[], seed: number): FaultInjector {
  const plans = faults.map((fault) => ({ fault, pattern: new RegExp(fault.match ?? ''), seen: 0, struck: 0 }));
  return {
    selectFault(url) {
      let chosen: Fault | undefined;
      for (const plan of plans) {
        if (!plan.pattern.test(url)) continue;
        plan.seen += 1;
        if (chosen || plan.struck >= (plan.fault.times ?? Infinity)) continue;
        if (!isFaultDue(plan.fault, plan.seen, seed)) continue;
        plan.struck += 1;
        chosen = plan.fault;
      }
      return chosen;
    },
  };
}

function isFaultDue({ nth, every, probability }: Fault, seen: number, seed: number): boolean {
  if (nth !== undefined) return seen === nth;
  if (every !== undefined) return seen % every === 0;
  if (probability !== undefined) return hash(seed, 80, seen) / 2 ** 32 < probability;
  return true;
}
