import { Gone, RequestRejected } from '../auth0/errors';
import type { ListRequest, Page } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { FetchCounts } from '../protocol';
import type { FieldChange } from '../staging/segment';
import { emptyLookupResults, type LookupResults } from '../streams/fetch-task';
import { streams } from '../streams/registry';
import type { Reader, ReaderContext, ReaderOutput } from '../streams/stream-reader';
import type { CancellableCall } from './rate-limited-call';
import { mayBePoison, quarantine, type QuarantinedPage } from './quarantine';
import type { LookupResolver } from './role-lookup';
import type { Tenant } from './tenants';

/** What all pages of a slice are read with. */
export interface PageContext {
  run: string;
  tenant: Tenant;
  reader: Reader<Json>;
  lookups: LookupResolver;
  signal: AbortSignal;
}

/** What came of asking for a page. */
export interface PageResult {
  /** Where to go on. */
  cursor: Json;
  outputs: ReaderOutput[];
  /** What it took and what was seen; absent counts are 0. */
  counts: Partial<FetchCounts>;
  /** What the page said that there is. */
  total?: number | undefined;
}

/**
 * Asks for the next page, then for what its records lack, and has the reader take both. Where the thing asked for has
 * vanished, or the place in a list is not good any more, no page comes, and it goes on elsewhere.
 * @param mayRestart whether a refused checkpoint token may mean that the list has to be begun again: not for ever
 * @param suspect whether the page has come to nothing before, so that a record may be what spoils it
 */
export async function readNextPage(
  context: PageContext,
  cursor: Json,
  { delivered, mayRestart, suspect }: Pick<ReaderContext, 'delivered'> & { mayRestart: boolean; suspect: boolean },
): Promise<PageResult> {
  const { reader, tenant, signal } = context;
  const request = reader.next(cursor);
  if (!request) throw new Error('requested a page after the last page');
  const asked = { requests: 0, vanished: 0 };
  const call = { signal, onRequest: () => (asked.requests += 1) };
  let isolated: QuarantinedPage;
  try {
    isolated = await requestPage(tenant.client, request, call, suspect);
  } catch (error) {
    const detour = recoverCursor(reader, cursor, error, mayRestart && 'from' in request.query);
    if (!detour) throw error;
    return { cursor: detour.cursor, outputs: [], counts: { pages: 1, ...asked, ...detour.counts } };
  }
  const { page, skipped } = isolated;
  const lookupResults = await resolveLookups(context, cursor, page, {
    ...call,
    onVanished: () => (asked.vanished += 1),
  });
  const { rows, repeated, notes, outputs, cursor: next } = reader.advance(cursor, page, { delivered, lookupResults });
  return {
    cursor: next,
    outputs: skipped.size === 0 ? outputs : outputs.map((output) => markSkipped(output, request.key, skipped)),
    counts: { pages: 1, rows, repeated, ...notes, ...asked, skippedRecords: skipped.size },
    total: page.total,
  };
}

async function requestPage(
  client: Tenant['client'],
  request: ListRequest,
  call: CancellableCall,
  mayQuarantine: boolean,
): Promise<QuarantinedPage> {
  try {
    return { page: await client.getPage(request, call), skipped: new Set() };
  } catch (error) {
    if (!mayQuarantine || !mayBePoison(error)) throw error;
    return quarantine(client, request, error, call);
  }
}

/** Says of a record of which nothing but the key could be had what is missing. */
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

/** Where to go on when a request was refused; undefined when that ends it. */
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

async function resolveLookups(
  { reader, tenant, lookups, run }: PageContext,
  cursor: Json,
  page: Page,
  call: Parameters<LookupResolver['resolve']>[3],
): Promise<LookupResults> {
  const wanted = reader.listLookups?.(cursor, page) ?? [];
  return wanted.length === 0 ? emptyLookupResults : lookups.resolve(run, tenant, wanted, call);
}
