import type { ListRequest } from '../auth0/request';
import type { SyncMode } from '../protocol';
import { isObject, type Json, type JsonObject } from '../json';
import type { ReadOptions, SearchKey } from './fetch-task';
import type { JsonSchema } from './json-schema';
import type { ChildReaderOptions, Reader } from './stream-reader';

/**
 * How the rows of a stream are read:
 * - `list`: one list of the tenant, by checkpoint paging;
 * - `search`: the user search, by keyset over a timestamp;
 * - `parent`: one list of the tenant whose ids lead to child lists;
 * - `children`: one list for each row of the parent stream.
 */
export type ReaderKind = 'list' | 'search' | 'parent' | 'children';

/** How the child lists of a parent are read. */
export interface ChildList {
  /**
   * Child streams of one parent with the same reading are filled by one pass over each parent's list. The name appears in
   * fetch ids and in the audit: `members of 40 organizations`.
   */
  reading: string;
  /** The list of one parent. */
  request(parent: string, query: ListRequest['query']): ListRequest;
  /** Column of the records that receives the parent's id. */
  parentKey: string;
  paging: 'checkpoint' | 'offset';
  /** Query of the lightest request that shows whether the token may read the list. */
  probeQuery: ListRequest['query'];
  /** Scopes to look for in the token first, because Auth0 may leave the data out instead of refusing the request. */
  tokenScopes?: { scopes: string[]; when?: Partial<ReadOptions> };
  sideIndex?: SideIndex;
  /** Reads the lists when a row is more than one record. Default: each row is one record. */
  createReader?: (options: ChildReaderOptions) => Reader<Json>;
}

/** A list of the tenant that completes the records of a child stream. It is read once, before the child lists. */
export interface SideIndex {
  /** Appears in fetch ids. */
  name: string;
  /** Appears in the audit: `the tenant's roles`. */
  label: string;
  list: ListRequest;
  paging: 'checkpoint' | 'offset';
  /** Fields of each row to keep; absent ones become null. */
  fields: string[];
  when?: Partial<ReadOptions>;
}

/** Everything Rollcall knows about a stream. The catalog, the scope check, the help and the docs are derived from it. */
export interface StreamDescriptor {
  name: string;
  /** One line for help and docs. */
  summary: string;
  /** Path below `/api/v2/` as Auth0 documents it. */
  path: string;
  reader: ReaderKind;
  primaryKey: string[][];
  cursorField?: string;
  /** Order of a search: by the cursor, or in a full refresh by a timestamp that never changes. */
  orderBy?: { cursor: SearchKey; immutable: SearchKey };
  syncModes: SyncMode[];
  jsonSchema: JsonSchema;
  /** Scopes that the token needs. */
  scopes: string[];
  /** Scopes without which the stream is read with the named fields null. */
  optionalScopes?: { scope: string; fields: string[] }[];
  /**
   * Fields that never leave the tenant, as dotted paths; `[]` steps into each element of an array. Requests exclude them
   * where the API can, and they are removed from every row in any case.
   */
  secretFields: string[];
  /** Of a `children` stream: the stream whose rows have the child lists. */
  parent?: string;
  child?: ChildList;
  /** Fields to request, without the others, when a record cannot be read as a whole. Absent: the API has no such request. */
  keyFields?: string;
  /** The lightest request that shows whether the token may read the stream. Absent on `children` streams. */
  probe?: ListRequest;
}

/** Returns a function that removes `secretFields` from a row, in place, and returns the row. */
export function createSecretRemover(fields: readonly string[]): (row: JsonObject) => JsonObject {
  const paths = fields.map((field) => field.split('.'));
  return (row) => {
    for (const path of paths) deleteField(row, path);
    return row;
  };
}

/** Deletes the field at the end of the path, if the path exists. */
function deleteField(value: Json | undefined, [head, ...rest]: readonly string[]): void {
  if (head === undefined || !isObject(value)) return;
  const name = head.endsWith('[]') ? head.slice(0, -2) : head;
  if (rest.length === 0) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- no one else has a reference to the parsed row
    delete value[name];
    return;
  }
  const inner = value[name];
  if (!head.endsWith('[]')) deleteField(inner, rest);
  else if (Array.isArray(inner)) for (const element of inner) deleteField(element, rest);
}
