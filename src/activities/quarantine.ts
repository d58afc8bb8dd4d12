import { mapConcurrent } from '../async';
import type { Auth0Client } from '../auth0/client';
import { Gone, Transient, UnexpectedAnswer } from '../auth0/errors';
import { readSearchKey } from '../auth0/paging/keyset';
import { type ListRequest, type Page, toRouteTemplate } from '../auth0/request';
import type { JsonObject } from '../json';
import { type CancellableCall, maxConcurrentCalls, retryWhenRateLimited } from './rate-limited-call';

/** A page whose rows were asked for in smaller parts, and those of them of which no more than the key could be had. */
export interface QuarantinedPage {
  page: Page;
  /** Keys. */
  skipped: ReadonlySet<string>;
}

/**
 * Fields that tell the rows of a list apart, for the lists that can be asked for them alone
 * (https://auth0.com/docs/api/management/v2, parameter `fields`); a record that cannot be sent can be named by them.
 */
const keyFields: Readonly<Record<string, string>> = {
  users: 'user_id,created_at,updated_at',
  clients: 'client_id',
  'organizations/{id}/members': 'user_id',
};

/** Into so many parts a page is divided that cannot be read as a whole. */
const partsPerPage = 5;

/**
 * Reads a page that came to nothing time and again so that a record that spoils it costs no other: by smaller pages from a
 * checkpoint on, by offset one row at a time. Throws what the first request threw that cannot be narrowed any further.
 * @param cause what the page came to
 */
export async function quarantine(
  client: Auth0Client,
  request: ListRequest,
  cause: unknown,
  call: CancellableCall,
): Promise<QuarantinedPage> {
  const skipped = new Set<string>();
  const ask = (wanted: ListRequest): Promise<Page> =>
    retryWhenRateLimited(() => client.getPage(wanted, call), call.signal);

  function keysOnly(wanted: ListRequest, failure: unknown): Promise<Page> {
    const fields = keyFields[toRouteTemplate(wanted.path)];
    if (fields === undefined) throw failure;
    return ask({ ...wanted, query: { ...wanted.query, fields, include_fields: true } });
  }

  /** Up to `take` rows from a checkpoint on. */
  async function listed(from: CheckpointToken, take: number): Promise<Page> {
    const { from: _, ...query } = request.query;
    const wanted = { ...request, query: { ...query, take, ...(from === undefined ? {} : { from }) } };
    try {
      return await ask(wanted);
    } catch (failure) {
      if (!mayBePoison(failure)) throw failure;
      if (take > 1) return listedInParts(from, take);
      const page = await keysOnly(wanted, failure);
      for (const row of page.rows) skipped.add(row[request.key] as string);
      return page;
    }
  }

  async function listedInParts(first: CheckpointToken, take: number): Promise<Page> {
    const size = Math.ceil(take / partsPerPage);
    const pages: Page[] = [];
    for (let from = first, left = take; left > 0; left -= size) {
      const page = await listed(from, Math.min(size, left));
      // Not a page of checkpoints: the list is to be read by offset, from its beginning.
      if (page.isBareArray) return page;
      pages.push(page);
      from = page.next;
      if (from === undefined) break;
    }
    return joinPages(pages);
  }

  /** Each row by its key; those that are gone, or have moved on in the order of a search, are not on the page any more. */
  async function oneByOne(): Promise<Page> {
    const keys = await keysOnly(request, cause);
    const [sortedBy] = String(request.query['sort'] ?? '').split(':');
    const found = new Map<JsonObject, JsonObject>();
    const limits = { limit: maxConcurrentCalls, signal: call.signal };
    await mapConcurrent(keys.rows, limits, async (row, signal) => {
      const id = row[request.key] as string;
      const wanted = { path: `${request.path}/${encodeURIComponent(id)}`, key: request.key };
      try {
        const whole = await retryWhenRateLimited(() => client.getObject(wanted, { ...call, signal }), signal);
        if (!sortedBy || readSearchKey(whole, sortedBy) === readSearchKey(row, sortedBy)) found.set(row, whole);
      } catch (failure) {
        if (failure instanceof Gone) return;
        if (!mayBePoison(failure)) throw failure;
        skipped.add(id);
        found.set(row, row);
      }
    });
    const rows = keys.rows.map((row) => found.get(row)).filter((row) => row !== undefined);
    return { ...keys, rows };
  }

  const { take, from } = request.query;
  const page = typeof take === 'number' ? await listedInParts(from as CheckpointToken, take) : await oneByOne();
  return { page, skipped };
}

type CheckpointToken = string | undefined;

/** Whether a record can be why a request fails, time and again: its answer is broken, or none comes about. */
export function mayBePoison(error: unknown): boolean {
  return error instanceof UnexpectedAnswer || (error instanceof Transient && !error.unreachable);
}

/** Pages that follow each other, as one. */
function joinPages(pages: readonly Page[]): Page {
  const [first] = pages;
  const { next: _, ...last } = pages.at(-1) as Page;
  const next = pages.at(-1)?.next;
  return {
    ...last,
    respondedAt: first?.respondedAt ?? last.respondedAt,
    rows: pages.flatMap(({ rows }) => rows),
    bytes: pages.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(next === undefined ? {} : { next }),
  };
}
