import type { Auth0Client } from '../auth0/client';
import { Gone, RequestRejected } from '../auth0/errors';
import type { ListRequest } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { FetchCounts } from '../protocol';
import type { FieldChange } from '../staging/segment';
import { emptyLookupResults } from '../streams/fetch-task';
import { streams } from '../streams/registry';
import type { Reader, ReaderContext, ReaderOutput } from '../streams/stream-reader';
import { mayBePoison, quarantine, type QuarantinedPage } from './quarantine';
import type { ResolveLookups } from './role-lookup';
import type { CancellableCall } from './tenants';

/** What all pages of a fetch have in common. */
export interface PageContext {
  run: string;
  client: Auth0Client;
  reader: Reader<Json>;
  resolveLookups: ResolveLookups;
  signal: AbortSignal;
}

export interface ReadPageOptions extends Pick<ReaderContext, 'delivered'> {
  /** Whether the list may restart when Auth0 refuses its checkpoint token. */
  mayRestart: boolean;
  /** Whether the page failed before, so one of its records may be the cause. */
  mayQuarantine: boolean;
}

export interface PageResult {
  /** Where the next page starts. */
  cursor: Json;
  outputs: ReaderOutput[];
  /** Absent counts are 0. */
  counts: Partial<FetchCounts>;
  /** Number of matching rows, as the page reports it. */
  total?: number | undefined;
}

/**
 * Requests the next page and its lookups, and passes both to the reader. When the page's parent no longer exists, or Auth0
 * refuses the checkpoint token, the result has no records and a cursor from which reading continues.
 */
export async function readNextPage(context: PageContext, cursor: Json, options: ReadPageOptions): Promise<PageResult> {
  const { run, reader, client, signal } = context;
  const request = reader.next(cursor);
  if (!request) throw new Error('requested a page after the last page');
  const counts = { pages: 1, requests: 0, vanished: 0 };
  const call = { signal, onRequest: () => (counts.requests += 1) };
  let response: QuarantinedPage;
  try {
    response = await requestPage(client, request, call, options.mayQuarantine);
  } catch (error) {
    const recovered = recoverCursor(reader, cursor, error, options.mayRestart && 'from' in request.query);
    if (!recovered) throw error;
    return { cursor: recovered.cursor, outputs: [], counts: { ...counts, ...recovered.counts } };
  }
  const { page, skipped } = response;
  const lookups = reader.listLookups?.(cursor, page) ?? [];
  const onVanished = (): void => void (counts.vanished += 1);
  const lookupResults =
    lookups.length === 0
      ? emptyLookupResults
      : await context.resolveLookups({ run, client, lookups, call, onVanished });
  const { delivered } = options;
  const { rows, repeated, notes, outputs, cursor: next } = reader.advance(cursor, page, { delivered, lookupResults });
  return {
    cursor: next,
    outputs: skipped.size === 0 ? outputs : outputs.map((output) => markSkipped(output, request.key, skipped)),
    counts: { ...counts, rows, repeated, ...notes, skippedRecords: skipped.size },
    total: page.total,
  };
}

async function requestPage(
  client: Auth0Client,
  request: ListRequest,
  call: CancellableCall,
  mayQuarantine: boolean,
): Promise<QuarantinedPage> {
  try {
    return { page: await client.getPage(request, call), skipped: new Set() };
  } catch (error) {
    if (!mayQuarantine || !mayBePoison(error)) throw error;
    return quarantine({ client, request, call, cause: error });
  }
}

/** Marks the missing fields of a record of which Auth0 returned only the key. */
function markSkipped(output: ReaderOutput, key: string, skipped: ReadonlySet<string>): ReaderOutput {
  const { data } = output;
  const stream = streams.find(({ name }) => name === output.stream);
  if (!stream || !skipped.has(data[key] as string)) return output;
  const fields = Object.keys(stream.jsonSchema['properties'] as JsonObject);
  const changes = fields
    .filter((field) => !(field in data))
    .map((field): FieldChange => ({ field, change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' }));
  return { ...output, changes };
}

/** Where reading continues after a refused request; undefined when the error ends it. */
function recoverCursor(
  reader: Reader<Json>,
  cursor: Json,
  error: unknown,
  mayRestart: boolean,
): { cursor: Json; counts: Partial<FetchCounts> } | undefined {
  if (error instanceof Gone && reader.skipVanished) {
    return { cursor: reader.skipVanished(cursor), counts: { vanished: 1 } };
  }
  if (error instanceof RequestRejected && error.status === 400 && mayRestart && reader.restart) {
    return { cursor: reader.restart(cursor), counts: { restarted: 1 } };
  }
  return undefined;
}
