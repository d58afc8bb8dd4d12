import type { ListRequest, Page } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { FieldChange } from '../staging/segment';
import type { SliceCounts } from '../streams/counts';
import { nothingFound, type Found } from '../streams/lookup';
import type { Known, Output, Reader } from '../streams/reader';
import { streams } from '../streams/registry';
import { isolate, maySpoil, type Isolated } from './isolate';
import type { Lookups } from './lookup';
import type { StoppableCall } from './calls';
import type { Tenant } from './tenant';

/** What all pages of a slice are read with. */
export interface Reading {
  run: string;
  tenant: Tenant;
  reader: Reader<Json>;
  lookups: Lookups;
  signal: AbortSignal;
}

/** What came of asking for a page. */
export interface PageResult {
  /** Where to go on. */
  cursor: Json;
  outputs: Output[];
  /** What it took and what was seen; absent counts are 0. */
  counts: Partial<SliceCounts>;
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
  reading: Reading,
  cursor: Json,
  { delivered, mayRestart, suspect }: Pick<Known, 'delivered'> & { mayRestart: boolean; suspect: boolean },
): Promise<PageResult> {
  const { reader, tenant, signal } = reading;
  const request = reader.next(cursor);
  if (!request) throw new Error('asked for a page after the last one');
  const asked = { requests: 0, vanished: 0 };
  const call = { signal, onRequest: () => (asked.requests += 1) };
  let isolated: Isolated;
  try {
    isolated = await pageOf(tenant.client, request, call, suspect);
  } catch (error) {
    const detour = detourOf(reader, cursor, error, mayRestart && 'from' in request.query);
    if (!detour) throw error;
    return { cursor: detour.cursor, outputs: [], counts: { pages: 1, ...asked, ...detour.counts } };
  }
  const { page, unread } = isolated;
  const found = await lookUp(reading, cursor, page, { ...call, onVanished: () => (asked.vanished += 1) });
  const { rows, repeated, notes, outputs, cursor: next } = reader.advance(cursor, page, { delivered, found });
  return {
    cursor: next,
    outputs: unread.size === 0 ? outputs : outputs.map((output) => markUnread(output, request.key, unread)),
    counts: { pages: 1, rows, repeated, ...notes, ...asked, unread: unread.size },
    total: page.total,
  };
}

async function pageOf(
  client: Tenant['client'],
  request: ListRequest,
  call: StoppableCall,
  suspect: boolean,
): Promise<Isolated> {
  try {
    return { page: await client.list(request, call), unread: new Set() };
  } catch (error) {
    if (!suspect || !maySpoil(error)) throw error;
    return isolate(client, request, error, call);
  }
}

/** Says of a record of which nothing but the key could be had what is missing. */
function markUnread(output: Output, key: string, unread: ReadonlySet<string>): Output {
  const { data } = output;
  const stream = streams.find(({ name }) => name === output.stream);
  if (!stream || !unread.has(data[key] as string)) return output;
  const fields = Object.keys(stream.jsonSchema['properties'] as JsonObject);
  const changes = fields
    .filter((field) => !(field in data))
    .map((field): FieldChange => ({ field, change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' }));
  return { ...output, changes };
}

/** Where to go on when a request was refused; undefined when that ends it. */
function detourOf(
  reader: Reader<Json>,
  cursor: Json,
  error: unknown,
  mayRestart: boolean,
): { cursor: Json; counts: Partial<SliceCounts> } | undefined {
  const { name, status } = error as { name?: string; status?: number };
  if (name === 'Gone' && reader.vanished) return { cursor: reader.vanished(cursor), counts: { vanished: 1 } };
  if (name === 'RequestRejected' && status === 400 && mayRestart && reader.expired) {
    return { cursor: reader.expired(cursor), counts: { restarted: 1 } };
  }
  return undefined;
}

async function lookUp(
  { reader, tenant, lookups, run }: Reading,
  cursor: Json,
  page: Page,
  call: Parameters<Lookups['answer']>[3],
): Promise<Found> {
  const wanted = reader.lookups?.(cursor, page) ?? [];
  return wanted.length === 0 ? nothingFound : lookups.answer(run, tenant, wanted, call);
}
