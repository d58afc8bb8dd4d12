import type { ServerResponse } from 'node:http';

/** Requests since the emulator started or the statistics were reset, without those to the control API. */
export interface Statistics {
  /** Requests to the Management API. */
  requests: number;
  /** Requests to `/oauth/token`. */
  tokenRequests: number;
  /** Responses by endpoint and status. Status 0 is a connection that closed before the response was complete. */
  byRoute: Record<string, Record<string, number>>;
  rateLimited: number;
  /** Arrival of the first and last request to the Management API, epoch ms. */
  firstRequestAt?: number;
  lastRequestAt?: number;
  /** Largest number of concurrent requests to the Management API. */
  maxInFlight: number;
  /** Requests to the Management API per minute (`2026-01-31T23:59`). */
  perMinute: Record<string, number>;
}

export interface StatisticsRecorder {
  /**
   * Counts a request now, and its response when the response ends. Returns the number of requests to the Management API
   * so far, which is this request's number if it is one of them.
   */
  recordRequest(endpoint: string, response: ServerResponse): number;
  read(): Statistics;
  reset(): void;
}

/** The endpoint `token` is the token endpoint; the others belong to the Management API. */
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

  function countResponse(endpoint: string, status: number): void {
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
        countResponse(endpoint, response.writableFinished ? response.statusCode : 0);
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
