import { UnexpectedAnswer } from '../auth0/errors';
import { readSearchKey } from '../auth0/paging/keyset';
import { buildSearchRequest, maxSearchRows, searchLabel, searchPageSize } from '../auth0/paging/user-search';
import type { ListRequest, Page } from '../auth0/request';
import type { SearchKey } from '../streams/fetch-task';

/** A number of rows, and what it most likely lies between; all three are the same when it was counted. */
export interface Estimate {
  likely: number;
  low: number;
  high: number;
  /** There may be any number more: at some instant there are more than a search can count. */
  open?: true;
}

/** Sends one request. */
export type SendRequest = (request: ListRequest) => Promise<Page>;

/** Requests for a count at most. */
const maxRequests = 9;
/** Of these, those that dividing a gap may take. */
const maxRequestsPerGap = 3;
/** Rows that come so many times as fast as those after them are an import, and say nothing of the time around it. */
const importRateFactor = 1.5;
/** Two standard errors of a pace that rests on a thousand rows. */
const rateError = 0.06;

/** Times from `from` to `to`, epoch ms, both inclusive, whose rows were not counted. `paces`: rows per ms at both ends. */
interface UncountedRange {
  from: number;
  to: number;
  rates: [number, number];
}

/** Rows counted from one end of a range on. */
interface CountedRange {
  rows: number;
  /** Rows per ms where the counting ended. */
  rate: number;
  /** The first time that was not counted; absent when the whole range was. */
  next?: number;
  /** See Estimate. */
  open?: boolean;
}

/** Which way a search is sorted. */
type SortDirection = 1 | -1;

/** Asks for a page of the users with times from `from` to `to`, epoch ms, both inclusive. */
type SearchPage = (from: number, to: number, sign: SortDirection, page: number, size: number) => Promise<Page>;

/**
 * Counts a tenant's users, exactly below 1,000. The total of a search goes no further, but its last page tells by when 1,000
 * rows have come: from both ends of the tenant's life, and from the middle of whatever gap may hold the most. In between
 * they are taken to come at a pace that changes evenly. Users of one instant count as 1,000 when they are more. 9 requests
 * at most.
 * @param startDate users last changed before it are left out, ISO 8601 with milliseconds
 */
export async function countUsers(send: SendRequest, startDate?: string): Promise<Estimate> {
  const key: SearchKey = startDate === undefined ? 'created_at' : 'updated_at';
  const everything = `${key}:[${startDate ?? '*'} TO *]`;
  // Without a condition, those that lack the key are counted as well.
  const oldest = await send(buildCountRequest(key, startDate === undefined ? undefined : everything, 1));
  const total = requireTotal(oldest);
  if (total < maxSearchRows) return { likely: total, low: total, high: total };
  const newest = await send(buildCountRequest(key, everything, -1));
  let asked = 2;
  const search: SearchPage = (from, to, ...how) => {
    asked += 1;
    const [lo, hi] = [new Date(from).toISOString(), new Date(to).toISOString()];
    return send(buildCountRequest(key, `${key}:[${lo} TO ${hi}]`, ...how));
  };
  const last = readRowTime(newest, key);
  const up = await countRange(search, key, readRowTime(oldest, key), last, 1);
  const down = up.next === undefined || up.next > last ? undefined : await countRange(search, key, up.next, last, -1);
  const counted = [up, ...(down ? [down] : [])];
  let gaps = listGaps({ from: up.next, to: down?.next, rates: [up.rate, down?.rate ?? 0] });
  while (gaps.length > 0 && asked + maxRequestsPerGap <= maxRequests) {
    const gap = gaps.reduce((greatest, each) => (estimateHigh(each) > estimateHigh(greatest) ? each : greatest));
    const middle = Math.ceil((gap.from + gap.to) / 2);
    const upper = await countRange(search, key, middle, gap.to, 1);
    counted.push(upper);
    gaps = [
      ...gaps.filter((each) => each !== gap),
      ...listGaps({ from: gap.from, to: middle - 1, rates: [gap.rates[0], upper.rate] }),
      ...listGaps({ from: upper.next, to: gap.to, rates: [upper.rate, gap.rates[1]] }),
    ];
  }
  const all = (rowsOf: (gap: UncountedRange) => number): number =>
    Math.round(sum(counted.map(({ rows }) => rows)) + sum(gaps.map(rowsOf)));
  const open = counted.some((each) => each.open);
  return { likely: all(estimateLikely), low: all(estimateLow), high: all(estimateHigh), ...(open && { open }) };
}

function buildCountRequest(
  key: SearchKey,
  q: string | undefined,
  sign: SortDirection,
  page = 0,
  size = 1,
): ListRequest {
  const { query, ...request } = buildSearchRequest({}, { q: q ?? '', page, sort: `${key}:${sign}` });
  const { q: _empty, ...rest } = query;
  return { ...request, query: { ...(q === undefined ? rest : query), per_page: size, fields: `user_id,${key}` } };
}

/** Counts from `from` up (`sign` 1) or from `to` down (-1), as far as a search reaches. */
async function countRange(
  search: SearchPage,
  key: SearchKey,
  from: number,
  to: number,
  sign: SortDirection,
): Promise<CountedRange> {
  const page = await search(from, to, sign, maxSearchRows / searchPageSize - 1, searchPageSize);
  const total = requireTotal(page);
  if (total < maxSearchRows) return { rows: total, rate: Math.max(1, total) / (to - from + 1) };
  const times = page.rows.map((_, place) => readRowTime(page, key, place));
  const [early, last] = [readRowTime(page, key), readRowTime(page, key, times.length - 1)];
  const length = Math.max(1, Math.abs(last - (sign === 1 ? from : to)));
  if (early === last) {
    const [lo, hi] = sign === 1 ? [from, last - 1] : [last + 1, to];
    const before = lo > hi ? 0 : requireTotal(await search(lo, hi, sign, 0, 1));
    const together = requireTotal(await search(last, last, sign, 0, 1));
    const rate = Math.max(1, before) / length;
    return { rows: before + together, rate, next: last + sign, open: together >= maxSearchRows };
  }
  // The last instant may go on beyond the page: it is left to the gap.
  const fresh = times.indexOf(last);
  const rows = maxSearchRows - times.length + fresh;
  const [whole, late] = [rows / length, fresh / Math.abs(last - early)];
  return { rows, rate: whole > importRateFactor * late ? late : whole, next: last };
}

/** The gap, unless there is none. */
function listGaps({
  from,
  to,
  rates,
}: { from: number | undefined; to: number | undefined } & Pick<UncountedRange, 'rates'>): UncountedRange[] {
  return from === undefined || to === undefined || from > to ? [] : [{ from, to, rates }];
}

function estimateLow({ from, to, rates }: UncountedRange): number {
  return (to - from + 1) * Math.min(...rates) * (1 - rateError);
}

function estimateHigh({ from, to, rates }: UncountedRange): number {
  return (to - from + 1) * Math.max(...rates) * (1 + rateError);
}

/** The mean of a pace that grows or falls by the same factor in the same time. */
function estimateLikely({ from, to, rates: [one, other] }: UncountedRange): number {
  const mean = Math.abs(one / other - 1) < 1e-6 ? one : (other - one) / Math.log(other / one);
  return (to - from + 1) * mean;
}

function requireTotal({ total }: Page): number {
  if (total === undefined) throw new UnexpectedAnswer(searchLabel, 'a page without a total');
  return total;
}

/** The time of a row of the page, epoch ms. Throws UnexpectedAnswer when there is no such row, or none in it. */
function readRowTime({ rows }: Page, key: SearchKey, index = 0): number {
  const row = rows[index];
  if (!row) throw new UnexpectedAnswer(searchLabel, 'an empty page within the first 1,000 users');
  return Date.parse(readSearchKey(row, key));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
