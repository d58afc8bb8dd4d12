import type { JsonObject } from '../json';
import type { Emulation } from '../emulation';
import type { ListOptions } from '../query/paging';
import type { QueryParameters, QueryValues } from '../query/query-parameters';
import type { BucketGroup } from '../rate-limits';

export interface RouteRequest {
  /** Ids from the path, decoded. */
  params: Readonly<Record<string, string>>;
  query: QueryValues;
  scopes: ReadonlySet<string>;
  /** Scheme, host and path, without the query; as Auth0 writes it in links, over http. */
  link: string;
  /** Grows with every request. */
  requestNumber: number;
}

interface RouteResponse {
  body: JsonObject | JsonObject[];
  headers?: Record<string, string>;
}

/** One endpoint of the Management API. `answer` throws an ApiError for what is not a success. */
export interface Route {
  /** Names the endpoint in statistics. */
  name: string;
  /** Below `/api/v2`. */
  path: string;
  group: BucketGroup;
  /** Any of them opens the endpoint. */
  scopes: readonly string[];
  parameters: QueryParameters;
  handle(call: RouteRequest, emulation: Emulation): RouteResponse;
}

/** List options for a list without the members list's ways. */
export function createListOptions(emulation: Emulation, list: keyof Emulation['checkpoints']): ListOptions {
  const { pageCap, nextOnFullPage } = emulation.settings;
  return { pageCap, checkpoints: emulation.checkpoints[list], surplusNext: nextOnFullPage ? 'full' : 'never' };
}
