import { UnexpectedAnswer } from '../auth0/errors';
import { readSearchKey } from '../auth0/paging/keyset';
import { buildSearchRequest, maxSearchRows, searchLabel, searchPageSize } from '../auth0/paging/user-search';
import type { ListRequest, Page } from '../auth0/request';
import type { SearchKey } from '../streams/fetch-task';

/** A number of rows with its probable range; all three are equal when the rows were counted. */
export interface Estimate {
  likely: number;
  low: number;
  high: number;
  /** There may be more than `high`: more users share a timestamp than a search counts. */
  open?: true;
}

export type SendRequest = (request: ListRequest) => Promise<Page>;

/** Limit of the requests of one count. */
const maxRequests = 9;
/** Requests that dividing one gap may take. */
const maxRequestsPerGap = 3;
/** Rows this many times as frequent as those after them are an import, and say nothing about the time around it. */
const importRateFactor = 1.5;
/** Two standard errors of a rate measured over 1,000 rows. */
const rateError = 0.06;

/** A range of times whose rows were not counted; epoch ms, inclusive. */
interface UncountedRange {
  from: number;
  to: number;
  /** Rows per ms at both ends. */
  rates: [number, number];
}

/** The rows counted from one end of a range. */
interface CountedRange {
  rows: number;
  /** Rows per ms where the count ended. */
  rate: number;
  /** The first time that was not counted; absent when the whole range was. */
  next?: number;
  /** See Estimate. */
  open?: boolean;
}

/** A page of the users whose timestamps are in a range; epoch ms, inclusive. */
interface SearchRange {
  from: number;
  to: number;
  /** 1: ascending, -1: descending. */
  direction: 1 | -1;
  /** Default 0. */
  page?: number;
  /** Default 1. */
  size?: number;
}

/**
 * Counts a tenant's users, exactly below 1,000, with at most 9 requests. The total of a search ends at 1,000, but its last
 * page shows by which time 1,000 users exist: from both ends of the tenant's life, and from the middle of the gap that may
 * contain the most users. Within a gap, the rate is assumed to change evenly. A timestamp shared by more than 1,000 users
 * counts as 1,000.
 * @param startDate users last changed before it are not counted; ISO 8601 with milliseconds
 */
export function countUsers(send: SendRequest, startDate?: string): Promise<Estimate> {
  return new UserCount(send, startDate).run();
}

class UserCount {
  private readonly key: SearchKey;
  private requests = 0;

  constructor(
    private readonly send: SendRequest,
    private readonly startDate: string | undefined,
  ) {
    this.key = startDate === undefined ? 'created_at' : 'updated_at';
  }

  async run(): Promise<Estimate> {
    const all = `${this.key}:[${this.startDate ?? '*'} TO *]`;
    // Without a condition, users that lack the key are counted too.
    const oldest = await this.search(this.startDate === undefined ? undefined : all, { direction: 1 });
    const total = requireTotal(oldest, searchLabel);
    if (total < maxSearchRows) return { likely: total, low: total, high: total };
    const newest = await this.search(all, { direction: -1 });
    const last = this.readTime(newest);
    const up = await this.countRange({ from: this.readTime(oldest), to: last, direction: 1 });
    const isComplete = up.next === undefined || up.next > last;
    const down = isComplete ? undefined : await this.countRange({ from: up.next ?? last, to: last, direction: -1 });
    const counted = [up, ...(down ? [down] : [])];
    const gaps = listGaps(up.next, down?.next, [up.rate, down?.rate ?? 0]);
    return summarize(counted, await this.divideGaps(gaps, counted));
  }

  /** Counts from the middle of the greatest gap while requests are left. Returns the gaps that remain. */
  private async divideGaps(initial: UncountedRange[], counted: CountedRange[]): Promise<UncountedRange[]> {
    let gaps = initial;
    while (gaps.length > 0 && this.requests + maxRequestsPerGap <= maxRequests) {
      const gap = gaps.reduce((greatest, each) => (estimateHigh(each) > estimateHigh(greatest) ? each : greatest));
      const middle = Math.ceil((gap.from + gap.to) / 2);
      const upper = await this.countRange({ from: middle, to: gap.to, direction: 1 });
      counted.push(upper);
      gaps = [
        ...gaps.filter((each) => each !== gap),
        ...listGaps(gap.from, middle - 1, [gap.rates[0], upper.rate]),
        ...listGaps(upper.next, gap.to, [upper.rate, gap.rates[1]]),
      ];
    }
    return gaps;
  }

  /** Counts from `from` up or from `to` down, as far as a search reaches. */
  private async countRange({ from, to, direction }: SearchRange): Promise<CountedRange> {
    const lastPage = maxSearchRows / searchPageSize - 1;
    const page = await this.searchRange({ from, to, direction, page: lastPage, size: searchPageSize });
    const total = requireTotal(page, searchLabel);
    if (total < maxSearchRows) return { rows: total, rate: Math.max(1, total) / (to - from + 1) };
    const times = page.rows.map((_, index) => this.readTime(page, index));
    const [first, last] = [this.readTime(page), this.readTime(page, times.length - 1)];
    const length = Math.max(1, Math.abs(last - (direction === 1 ? from : to)));
    if (first === last) {
      const [low, high] = direction === 1 ? [from, last - 1] : [last + 1, to];
      const before = low > high ? 0 : await this.countRows({ from: low, to: high, direction });
      const together = await this.countRows({ from: last, to: last, direction });
      const open = together >= maxSearchRows;
      return { rows: before + together, rate: Math.max(1, before) / length, next: last + direction, open };
    }
    // The last timestamp may continue beyond the page, so it belongs to the gap.
    const fresh = times.indexOf(last);
    const rows = maxSearchRows - times.length + fresh;
    const [overallRate, lateRate] = [rows / length, fresh / Math.abs(last - first)];
    return { rows, rate: overallRate > importRateFactor * lateRate ? lateRate : overallRate, next: last };
  }

  private async countRows(range: SearchRange): Promise<number> {
    return requireTotal(await this.searchRange(range), searchLabel);
  }

  private searchRange({ from, to, ...options }: SearchRange): Promise<Page> {
    const [low, high] = [new Date(from).toISOString(), new Date(to).toISOString()];
    return this.search(`${this.key}:[${low} TO ${high}]`, options);
  }

  /** @param q Lucene condition; undefined: all users */
  private search(
    q: string | undefined,
    { direction, page = 0, size = 1 }: Omit<SearchRange, 'from' | 'to'>,
  ): Promise<Page> {
    this.requests += 1;
    const request = buildSearchRequest({}, { q: q ?? '', page, sort: `${this.key}:${direction}` });
    const { q: _, ...withoutCondition } = request.query;
    const query = q === undefined ? withoutCondition : request.query;
    return this.send({ ...request, query: { ...query, per_page: size, fields: `user_id,${this.key}` } });
  }

  /** The timestamp of a row, epoch ms. Throws UnexpectedAnswer when the row or its timestamp is missing. */
  private readTime({ rows }: Page, index = 0): number {
    const row = rows[index];
    if (!row) throw new UnexpectedAnswer(searchLabel, 'an empty page within the first 1,000 users');
    return Date.parse(readSearchKey(row, this.key));
  }
}

function summarize(counted: readonly CountedRange[], gaps: readonly UncountedRange[]): Estimate {
  const rows = sum(counted.map((each) => each.rows));
  const total = (estimate: (gap: UncountedRange) => number): number => Math.round(rows + sum(gaps.map(estimate)));
  const open = counted.some((each) => each.open);
  return { likely: total(estimateLikely), low: total(estimateLow), high: total(estimateHigh), ...(open && { open }) };
}

/** The gap between two times, if there is one. */
function listGaps(from: number | undefined, to: number | undefined, rates: [number, number]): UncountedRange[] {
  return from === undefined || to === undefined || from > to ? [] : [{ from, to, rates }];
}

function estimateLow({ from, to, rates }: UncountedRange): number {
  return (to - from + 1) * Math.min(...rates) * (1 - rateError);
}

function estimateHigh({ from, to, rates }: UncountedRange): number {
  return (to - from + 1) * Math.max(...rates) * (1 + rateError);
}

/** The mean of a rate that changes exponentially from one end to the other. */
function estimateLikely({ from, to, rates: [one, other] }: UncountedRange): number {
  const mean = Math.abs(one / other - 1) < 1e-6 ? one : (other - one) / Math.log(other / one);
  return (to - from + 1) * mean;
}

/** The page's total. Throws UnexpectedAnswer when there is none. */
export function requireTotal({ total }: Page, label: string): number {
  if (total === undefined) throw new UnexpectedAnswer(label, 'a page without a total');
  return total;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
