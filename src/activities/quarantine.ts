import { mapConcurrent } from '../async';
import type { Auth0Client } from '../auth0/client';
import { Gone, Transient, UnexpectedAnswer } from '../auth0/errors';
import { readSearchKey } from '../auth0/paging/keyset';
import { type ListRequest, type Page, toRouteTemplate } from '../auth0/request';
import { defined, type JsonObject } from '../json';
import { streams } from '../streams/registry';
import { type CancellableCall, maxConcurrentCalls, retryWhenRateLimited } from './tenants';

/** A page whose rows were requested in smaller parts. */
export interface QuarantinedPage {
  page: Page;
  /** Keys of the rows of which Auth0 returned only the key. */
  skipped: ReadonlySet<string>;
}

/** Reads the rows of one page, and collects the keys of those it skips. */
interface Quarantine {
  client: Auth0Client;
  request: ListRequest;
  call: CancellableCall;
  /** The error of the whole page. */
  cause: unknown;
  skipped: Set<string>;
}

/**
 * Fields that identify a row, by route, for the lists that can return them alone
 * (https://auth0.com/docs/api/management/v2, parameter `fields`). They name a record that Auth0 cannot return.
 */
const keyFields = new Map(streams.flatMap(({ path, keyFields }) => (keyFields ? [[path, keyFields] as const] : [])));

/** Parts into which an unreadable page is divided. */
const partsPerPage = 5;

/** Whether a record may be the cause of an error: the response is malformed, or there is none. */
export function mayBePoison(error: unknown): boolean {
  return error instanceof UnexpectedAnswer || (error instanceof Transient && !error.unreachable);
}

/**
 * Reads a page that failed repeatedly, so a record that breaks its response costs no other record: a checkpoint page in
 * smaller pages, an offset page row by row. Throws the first error that cannot be narrowed down.
 */
export async function quarantine(options: Omit<Quarantine, 'skipped'>): Promise<QuarantinedPage> {
  const context = { ...options, skipped: new Set<string>() };
  const { take, from } = options.request.query;
  const page =
    typeof take === 'number'
      ? await readInParts(context, from as string | undefined, take)
      : await readRowByRow(context);
  return { page, skipped: context.skipped };
}

function send({ client, call }: Quarantine, request: ListRequest): Promise<Page> {
  return retryWhenRateLimited(() => client.getPage(request, call), call.signal);
}

/** Requests only the keys of the rows. Throws `cause` for lists that cannot return keys alone. */
function sendForKeys(context: Quarantine, request: ListRequest, cause: unknown): Promise<Page> {
  const fields = keyFields.get(toRouteTemplate(request.path));
  if (fields === undefined) throw cause;
  return send(context, { ...request, query: { ...request.query, fields, include_fields: true } });
}

/** Reads up to `take` rows after a checkpoint. */
async function readFrom(context: Quarantine, from: string | undefined, take: number): Promise<Page> {
  const { from: _, ...query } = context.request.query;
  const request = { ...context.request, query: { ...query, take, ...defined({ from }) } };
  try {
    return await send(context, request);
  } catch (error) {
    if (!mayBePoison(error)) throw error;
    if (take > 1) return readInParts(context, from, take);
    const page = await sendForKeys(context, request, error);
    for (const row of page.rows) context.skipped.add(row[request.key] as string);
    return page;
  }
}

async function readInParts(context: Quarantine, first: string | undefined, take: number): Promise<Page> {
  const size = Math.ceil(take / partsPerPage);
  const pages: Page[] = [];
  for (let from = first, left = take; left > 0; left -= size) {
    const page = await readFrom(context, from, Math.min(size, left));
    // A bare array: the endpoint ignores checkpoints, and its list must be read by offset, from its start.
    if (page.isBareArray) return page;
    pages.push(page);
    from = page.next;
    if (from === undefined) break;
  }
  return joinPages(pages);
}

/** Requests each row by its key. Rows that were deleted, or that have another position in the search by now, are left out. */
async function readRowByRow(context: Quarantine): Promise<Page> {
  const { request, call } = context;
  const keys = await sendForKeys(context, request, context.cause);
  const [sortKey] = String(request.query['sort'] ?? '').split(':');
  const limits = { limit: maxConcurrentCalls, signal: call.signal };
  const rows = await mapConcurrent(keys.rows, limits, async (row, signal) => {
    const whole = await readRow(context, row, signal);
    if (whole === undefined || whole === row || !sortKey) return whole;
    return readSearchKey(whole, sortKey) === readSearchKey(row, sortKey) ? whole : undefined;
  });
  return { ...keys, rows: rows.filter((row) => row !== undefined) };
}

/** The whole row of a key; the key alone when the row is skipped, undefined when it no longer exists. */
async function readRow(
  { client, request, call, skipped }: Quarantine,
  key: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const id = key[request.key] as string;
  const object = { path: `${request.path}/${encodeURIComponent(id)}`, key: request.key };
  try {
    return await retryWhenRateLimited(() => client.getObject(object, { ...call, signal }), signal);
  } catch (error) {
    if (error instanceof Gone) return undefined;
    if (!mayBePoison(error)) throw error;
    skipped.add(id);
    return key;
  }
}

/** Joins consecutive pages. */
function joinPages(pages: readonly Page[]): Page {
  const last = pages.at(-1) as Page;
  return {
    ...last,
    respondedAt: (pages[0] ?? last).respondedAt,
    rows: pages.flatMap(({ rows }) => rows),
    bytes: pages.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
