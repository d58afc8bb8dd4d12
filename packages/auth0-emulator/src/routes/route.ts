import type { JsonObject } from '../json';
import type { Emulation } from '../emulation';
import type { ListOptions } from '../query/paging';
import type { QueryParameters, QueryValues } from '../query/query-parameters';
import type { BucketGroup } from '../rate-limits';

export interface RouteRequest {
  /** Decoded ids in the path. */
  params: Readonly<Record<string, string>>;
  query: QueryValues;
  scopes: ReadonlySet<string>;
  /** The URL without the query, as Auth0 writes it in links, with `http://`. */
  link: string;
  /** Increases with every request. */
  requestNumber: number;
}

interface RouteResponse {
  body: JsonObject | JsonObject[];
  headers?: Record<string, string>;
}

/** An endpoint of the Management API. `handle` throws ApiError for an error response. */
export interface Route {
  /** The endpoint's name in the statistics. */
  name: string;
  /** Path below `/api/v2`. */
  path: string;
  group: BucketGroup;
  /** Each of them is sufficient. */
  scopes: readonly string[];
  parameters: QueryParameters;
  handle(call: RouteRequest, emulation: Emulation): RouteResponse;
}

export function createListOptions(emulation: Emulation, list: keyof Emulation['checkpoints']): ListOptions {
  const { pageCap, nextOnFullPage } = emulation.settings;
  return { pageCap, checkpoints: emulation.checkpoints[list], surplusNext: nextOnFullPage ? 'full' : 'never' };
}
