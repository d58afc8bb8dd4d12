import { UnexpectedAnswer } from '../auth0/errors';
import { keyOf } from '../auth0/paging/range';
import { label, mostRows, pageSize, searchRequest } from '../auth0/paging/search';
import type { ListRequest, Page } from '../auth0/request';
import type { SearchKey } from '../streams/task';

/** A number of rows, and what it most likely lies between; all three are the same when it was counted. */
export interface Estimate {
  likely: number;
  low: number;
  high: number;
  /** There may be any number more: at some instant there are more than a search can count. */
  open?: true;
}

/** Sends one request. */
export type Ask = (request: ListRequest) => Promise<Page>;

/** Requests for a count at most. */
const most = 9;
/** Of these, those that dividing a gap may take. */
const dearest = 3;
/** Rows that come so many times as fast as those after them are an import, and say nothing of the time around it. */
const burst = 1.5;
/** Two standard errors of a pace that rests on a thousand rows. */
const doubt = 0.06;

/** Times from `from` to `to`, epoch ms, both inclusive, whose rows were not counted. `paces`: rows per ms at both ends. */
interface Gap {
  from: number;
  to: number;
  paces: [number, number];
}

/** Rows counted from one end of a range on. */
interface Stretch {
  rows: number;
  /** Rows per ms where the counting ended. */
  pace: number;
  /** The first time that was not counted; absent when the whole range was. */
  next?: number;
  /** See Estimate. */
  open?: boolean;
}

/** Which way a search is sorted. */
type Sign = 1 | -1;

/** Asks for a page of the users with times from `from` to `to`, epoch ms, both inclusive. */
type Search = (from: number, to: number, sign: Sign, page: number, size: number) => Promise<Page>;

/**
 * Counts a tenant's users, exactly below 1,000. The total of a search goes no further, but its last page tells by when 1,000
 * rows have come: from both ends of the tenant's life, and from the middle of whatever gap may hold the most. In between
 * they are taken to come at a pace that changes evenly. Users of one instant count as 1,000 when they are more. 9 requests
 * at most.
 * @param startDate users last changed before it are left out, ISO 8601 with milliseconds
 */
export async function countUsers(ask: Ask, startDate?: string): Promise<Estimate> {
  const key: SearchKey = startDate === undefined ? 'created_at' : 'updated_at';
  const everything = `${key}:[${startDate ?? '*'} TO *]`;
  // Without a condition, those that lack the key are counted as well.
  const oldest = await ask(requestOf(key, startDate === undefined ? undefined : everything, 1));
  const total = announced(oldest);
  if (total < mostRows) return { likely: total, low: total, high: total };
  const newest = await ask(requestOf(key, everything, -1));
  let asked = 2;
  const search: Search = (from, to, ...how) => {
    asked += 1;
    const [lo, hi] = [new Date(from).toISOString(), new Date(to).toISOString()];
    return ask(requestOf(key, `${key}:[${lo} TO ${hi}]`, ...how));
  };
  const last = timeOf(newest, key);
  const up = await countFrom(search, key, timeOf(oldest, key), last, 1);
  const down = up.next === undefined || up.next > last ? undefined : await countFrom(search, key, up.next, last, -1);
  const counted = [up, ...(down ? [down] : [])];
  let gaps = gapsOf({ from: up.next, to: down?.next, paces: [up.pace, down?.pace ?? 0] });
  while (gaps.length > 0 && asked + dearest <= most) {
    const gap = gaps.reduce((greatest, each) => (highOf(each) > highOf(greatest) ? each : greatest));
    const middle = Math.ceil((gap.from + gap.to) / 2);
    const upper = await countFrom(search, key, middle, gap.to, 1);
    counted.push(upper);
    gaps = [
      ...gaps.filter((each) => each !== gap),
      ...gapsOf({ from: gap.from, to: middle - 1, paces: [gap.paces[0], upper.pace] }),
      ...gapsOf({ from: upper.next, to: gap.to, paces: [upper.pace, gap.paces[1]] }),
    ];
  }
  const all = (rowsOf: (gap: Gap) => number): number =>
    Math.round(sum(counted.map(({ rows }) => rows)) + sum(gaps.map(rowsOf)));
  const open = counted.some((each) => each.open);
  return { likely: all(likelyOf), low: all(lowOf), high: all(highOf), ...(open && { open }) };
}

function requestOf(key: SearchKey, q: string | undefined, sign: Sign, page = 0, size = 1): ListRequest {
  const { query, ...request } = searchRequest({ key, missing: false }, q ?? '', page, `${key}:${sign}`);
  const { q: _empty, ...rest } = query;
  return { ...request, query: { ...(q === undefined ? rest : query), per_page: size, fields: `user_id,${key}` } };
}

/** Counts from `from` up (`sign` 1) or from `to` down (-1), as far as a search reaches. */
async function countFrom(search: Search, key: SearchKey, from: number, to: number, sign: Sign): Promise<Stretch> {
  const page = await search(from, to, sign, mostRows / pageSize - 1, pageSize);
  const total = announced(page);
  if (total < mostRows) return { rows: total, pace: Math.max(1, total) / (to - from + 1) };
  const times = page.rows.map((_, place) => timeOf(page, key, place));
  const [early, last] = [timeOf(page, key), timeOf(page, key, times.length - 1)];
  const length = Math.max(1, Math.abs(last - (sign === 1 ? from : to)));
  if (early === last) {
    const [lo, hi] = sign === 1 ? [from, last - 1] : [last + 1, to];
    const before = lo > hi ? 0 : announced(await search(lo, hi, sign, 0, 1));
    const together = announced(await search(last, last, sign, 0, 1));
    const pace = Math.max(1, before) / length;
    return { rows: before + together, pace, next: last + sign, open: together >= mostRows };
  }
  // The last instant may go on beyond the page: it is left to the gap.
  const fresh = times.indexOf(last);
  const rows = mostRows - times.length + fresh;
  const [whole, late] = [rows / length, fresh / Math.abs(last - early)];
  return { rows, pace: whole > burst * late ? late : whole, next: last };
}

/** The gap, unless there is none. */
function gapsOf({ from, to, paces }: { from: number | undefined; to: number | undefined } & Pick<Gap, 'paces'>): Gap[] {
  return from === undefined || to === undefined || from > to ? [] : [{ from, to, paces }];
}

function lowOf({ from, to, paces }: Gap): number {
  return (to - from + 1) * Math.min(...paces) * (1 - doubt);
}

function highOf({ from, to, paces }: Gap): number {
  return (to - from + 1) * Math.max(...paces) * (1 + doubt);
}

/** The mean of a pace that grows or falls by the same factor in the same time. */
function likelyOf({ from, to, paces: [one, other] }: Gap): number {
  const mean = Math.abs(one / other - 1) < 1e-6 ? one : (other - one) / Math.log(other / one);
  return (to - from + 1) * mean;
}

function announced({ total }: Page): number {
  if (total === undefined) throw new UnexpectedAnswer(label, 'a page without a total');
  return total;
}

/** The time of a row of the page, epoch ms. Throws UnexpectedAnswer when there is no such row, or none in it. */
function timeOf({ rows }: Page, key: SearchKey, place = 0): number {
  const row = rows[place];
  if (!row) throw new UnexpectedAnswer(label, 'a page without rows, of a thousand');
  return Date.parse(keyOf(row, key));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
