import type { ListRequest } from '../auth0/request';
import type { SyncMode } from '../protocol';
import type { SearchKey } from './fetch-task';
import type { JsonSchema } from './json-schema';

/**
 * How a stream's rows are reached:
 * - `list`: one list of the tenant, by checkpoint paging;
 * - `search`: the user search, by keyset over a timestamp;
 * - `organization`: the list of organizations, which the member streams fan out from;
 * - `members`: one reading of each organization's member list.
 */
export type ReaderKind = 'list' | 'search' | 'organization' | 'members';

/** All that Rollcall knows of a stream; the catalog, the scope check, the help and the docs come from it. */
export interface StreamDescriptor {
  name: string;
  /** One line for help and docs. */
  summary: string;
  /** Path below `/api/v2/` as Auth0 documents it. */
  path: string;
  reader: ReaderKind;
  primaryKey: string[][];
  cursorField?: string;
  /** How a search is walked: by the cursor, or in a full refresh by a timestamp that never changes. */
  orderBy?: { cursor: SearchKey; immutable: SearchKey };
  syncModes: SyncMode[];
  jsonSchema: JsonSchema;
  /** Scopes of which the token needs every one. */
  scopes: string[];
  /** Scopes without which the stream is read, but with the named fields null. */
  optionalScopes?: { scope: string; fields: string[] }[];
  /**
   * Fields that never leave the tenant, as dotted paths; `[]` steps into each element of an array. They are asked not
   * to be sent where the API can leave them out, and dropped from every row in any case.
   */
  secretFields: string[];
  /** Stream that must be read to reach this one. */
  parent?: string;
  /** The lightest request that shows whether the token may read the stream. Absent where it takes a parent's id. */
  probe?: ListRequest;
}
