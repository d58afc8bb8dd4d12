import type { ServerResponse } from 'node:http';

/** What the emulator was asked, since it started or since the last reset. Requests to the control route do not count. */
export interface Statistics {
  /** Requests to the Management API. */
  requests: number;
  /** Requests to `/oauth/token`. */
  tokenRequests: number;
  /** Answers by endpoint and status; status 0 is a connection that was broken off. */
  byRoute: Record<string, Record<string, number>>;
  rateLimited: number;
  /** Epoch ms of the arrival of the first and last request to the Management API. */
  firstRequestAt?: number;
  lastRequestAt?: number;
  /** Most requests to the Management API that were being answered at one time. */
  maxInFlight: number;
  /** Requests to the Management API by minute (`2026-01-31T23:59`). */
  perMinute: Record<string, number>;
}

export interface StatisticsRecorder {
  /**
   * Counts a request that has just arrived, and its answer once that is sent or broken off. Returns the number of requests
   * to the Management API by now: that of this one, if it is one of them.
   */
  recordRequest(endpoint: string, response: ServerResponse): number;
  read(): Statistics;
  reset(): void;
}

/** `token` names the token endpoint, every other name one of the Management API. */
export function createStatisticsRecorder(now: () => number): StatisticsRecorder {
  let current = createEmptyStatistics();
  let inFlight = 0;

  function countArrival(endpoint: string): void {
    if (endpoint === 'token') {
      current.tokenRequests += 1;
      return;
    }
    const at = now();
    const minute = new Date(at).toISOString().slice(0, 16);
    current.requests += 1;
    current.firstRequestAt ??= at;
    current.lastRequestAt = at;
    current.maxInFlight = Math.max(current.maxInFlight, inFlight);
    current.perMinute[minute] = (current.perMinute[minute] ?? 0) + 1;
  }

  function countAnswer(endpoint: string, status: number): void {
    if (status === 429) current.rateLimited += 1;
    const counts = (current.byRoute[endpoint] ??= {});
    counts[status] = (counts[status] ?? 0) + 1;
  }

  return {
    recordRequest(endpoint, response) {
      const weight = endpoint === 'token' ? 0 : 1;
      inFlight += weight;
      countArrival(endpoint);
      response.once('close', () => {
        inFlight -= weight;
        countAnswer(endpoint, response.writableFinished ? response.statusCode : 0);
      });
      return current.requests;
    },
    read: () => structuredClone(current),
    reset() {
      current = createEmptyStatistics();
    },
  };
}

function createEmptyStatistics(): Statistics {
  return { requests: 0, tokenRequests: 0, byRoute: {}, rateLimited: 0, maxInFlight: 0, perMinute: {} };
}
