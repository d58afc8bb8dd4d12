import type { Auth0Client } from '../auth0/client';
import { keyOf } from '../auth0/paging/range';
import type { ListRequest, Page } from '../auth0/request';
import { templateOf } from '../auth0/route';
import type { JsonObject } from '../json';
import { patiently, sideBySide, type StoppableCall } from './calls';
import { nameOf } from './failure';

/** A page whose rows were asked for in smaller parts, and those of them of which no more than the key could be had. */
export interface Isolated {
  page: Page;
  /** Keys. */
  unread: ReadonlySet<string>;
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
const parts = 5;

/**
 * Reads a page that came to nothing time and again so that a record that spoils it costs no other: by smaller pages from a
 * checkpoint on, by offset one row at a time. Throws what the first request threw that cannot be narrowed any further.
 * @param error what the page came to
 */
export async function isolate(
  client: Auth0Client,
  request: ListRequest,
  error: unknown,
  call: StoppableCall,
): Promise<Isolated> {
  const unread = new Set<string>();
  const ask = (wanted: ListRequest): Promise<Page> => patiently(() => client.list(wanted, call), call.signal);

  function keysOnly(wanted: ListRequest, failure: unknown): Promise<Page> {
    const fields = keyFields[templateOf(wanted.path)];
    if (fields === undefined) throw failure;
    return ask({ ...wanted, query: { ...wanted.query, fields, include_fields: true } });
  }

  /** Up to `take` rows from a checkpoint on. */
  async function listed(from: Checkpoint, take: number): Promise<Page> {
    const { from: _, ...query } = request.query;
    const wanted = { ...request, query: { ...query, take, ...(from === undefined ? {} : { from }) } };
    try {
      return await ask(wanted);
    } catch (failure) {
      if (!maySpoil(failure)) throw failure;
      if (take > 1) return listedInParts(from, take);
      const page = await keysOnly(wanted, failure);
      for (const row of page.rows) unread.add(row[request.key] as string);
      return page;
    }
  }

  async function listedInParts(first: Checkpoint, take: number): Promise<Page> {
    const size = Math.ceil(take / parts);
    const pages: Page[] = [];
    for (let from = first, left = take; left > 0; left -= size) {
      const page = await listed(from, Math.min(size, left));
      // Not a page of checkpoints: the list is to be read by offset, from its beginning.
      if (page.bare) return page;
      pages.push(page);
      from = page.next;
      if (from === undefined) break;
    }
    return joined(pages);
  }

  /** Each row by its key; those that are gone, or have moved on in the order of a search, are not on the page any more. */
  async function oneByOne(): Promise<Page> {
    const keys = await keysOnly(request, error);
    const [sortedBy] = String(request.query['sort'] ?? '').split(':');
    const found = new Map<JsonObject, JsonObject>();
    await sideBySide(keys.rows, call.signal, async (row, signal) => {
      const id = row[request.key] as string;
      const wanted = { path: `${request.path}/${encodeURIComponent(id)}`, key: request.key };
      try {
        const whole = await patiently(() => client.one(wanted, { ...call, signal }), signal);
        if (!sortedBy || keyOf(whole, sortedBy) === keyOf(row, sortedBy)) found.set(row, whole);
      } catch (failure) {
        if (nameOf(failure) === 'Gone') return;
        if (!maySpoil(failure)) throw failure;
        unread.add(id);
        found.set(row, row);
      }
    });
    const rows = keys.rows.map((row) => found.get(row)).filter((row) => row !== undefined);
    return { ...keys, rows };
  }

  const { take, from } = request.query;
  const page = typeof take === 'number' ? await listedInParts(from as Checkpoint, take) : await oneByOne();
  return { page, unread };
}

type Checkpoint = string | undefined;

/** Whether a record can be why a request fails, time and again: its answer is broken, or none comes about. */
export function maySpoil(error: unknown): boolean {
  const { unreachable = false } = (error ?? {}) as { unreachable?: boolean };
  return nameOf(error) === 'UnexpectedAnswer' || (nameOf(error) === 'Transient' && !unreachable);
}

/** Pages that follow each other, as one. */
function joined(pages: readonly Page[]): Page {
  const [first] = pages;
  const { next: _, ...last } = pages.at(-1) as Page;
  const next = pages.at(-1)?.next;
  return {
    ...last,
    at: first?.at ?? last.at,
    rows: pages.flatMap(({ rows }) => rows),
    bytes: pages.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(next === undefined ? {} : { next }),
  };
}
