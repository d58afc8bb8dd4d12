import type { JsonObject } from '../../json';
import type { Emulation } from '../emulation';
import type { ListOptions } from '../paging';
import type { Parameters, Values } from '../query-parameters';
import type { EndpointGroup } from '../rate-limits';

export interface Call {
  /** Ids from the path, decoded. */
  params: Readonly<Record<string, string>>;
  query: Values;
  scopes: ReadonlySet<string>;
  /** Scheme, host and path, without the query; as Auth0 writes it in links, over http. */
  link: string;
  /** Grows with every request. */
  nth: number;
}

interface Answer {
  body: JsonObject | JsonObject[];
  headers?: Record<string, string>;
}

/** One endpoint of the Management API. `answer` throws an ApiError for what is not a success. */
export interface Route {
  /** Names the endpoint in statistics. */
  name: string;
  /** Below `/api/v2`. */
  path: string;
  group: EndpointGroup;
  /** Any of them opens the endpoint. */
  scopes: readonly string[];
  parameters: Parameters;
  answer(call: Call, emulation: Emulation): Answer;
}

/** List options for a list without the members list's ways. */
export function listOptions(emulation: Emulation, list: keyof Emulation['checkpoints']): ListOptions {
  const { pageCap, nextOnFullPage } = emulation.settings;
  return { pageCap, checkpoints: emulation.checkpoints[list], surplusNext: nextOnFullPage ? 'full' : 'never' };
}
