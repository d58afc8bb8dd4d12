import type { SliceResult } from '../activities/slice';
import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import { cut, rowsLeft, spanOf, upperBound, type Span } from '../streams/span';
import { lastDelivered, type SearchTask, type Task } from '../streams/task';
import type { FetchSlice } from './activities';
import type { AuditPart, SyncLimits } from './contract';
import { Lanes, lanesFor } from './lanes';
import { waitForLimit } from './limit';
import type { StreamRun } from './stream-run';

/** Rows of a page, of which one or so repeats. */
const rowsPerPage = 99;

/** A search tells how much it holds up to here. */
const mostTold = 1_000;

/** What of a search is read before it is known how much it holds. */
const survey = { pages: 3, seconds: 0.5 };

/**
 * Cuts that a search may cost where parts become small: so many of the pages that there are of it, and these. A copy may
 * cost 3 % and five requests more than the least.
 */
const fewCuts = { perPage: 0.02, always: 4 };

/** Where the reading of a stream stands; carried through continue-as-new. */
export interface SpansReading {
  /** Spans not read to their end, in the order of their keys. */
  spans: Span[];
  /** Spans that are. */
  finished: AuditPart[];
  /** Slices so far; numbers the next one. */
  slices: number;
  /** Parts that were made by cutting, beside the first. */
  cuts: number;
  /** The tenant's time at the first answer. */
  begun?: string;
  /** Upper bound of the whole search; absent: it is open. */
  to?: string;
  /** Greatest key of an open search when it was asked for; null when there was none. */
  end?: string | null;
}

/** What a later run needs to go on. */
export type Place = { spans: { task: Span['task']; cursor: Json }[]; begun: string | null };

export function beginSpans(task: Span['task']): SpansReading {
  return { spans: [spanOf(task)], finished: [], slices: 0, cuts: 0 };
}

export function resumeSpans({ spans, begun }: Place): SpansReading {
  return {
    spans: spans.map(({ task, cursor }) => spanOf(task, cursor)),
    finished: [],
    slices: 0,
    cuts: 0,
    ...(begun === null ? {} : { begun }),
  };
}

export function placeOf({ spans, begun }: SpansReading): Place {
  return { spans: spans.map(({ task, cursor }) => ({ task, cursor })), begun: begun ?? null };
}

/**
 * Up to here, inclusive, everything has been delivered. A search with an open end has delivered what changed until it
 * began, in whatever order, once it is done.
 */
export function frontierOf({ spans: [first], begun, to }: SpansReading): string | undefined {
  if (to === undefined) return first ? undefined : begun;
  return first ? first.frontier : to;
}

/**
 * Reads a stream by spans side by side. A search begins as one span; when its first pages and its greatest key tell that
 * it is long, it is cut, and cut again where much is left whenever a lane has nothing to do.
 */
export class Spans {
  /** As the newest slice has told it. */
  private concurrency: number | undefined;

  constructor(
    readonly reading: SpansReading,
    private readonly run: StreamRun,
    private readonly fetch: FetchSlice,
    private readonly limits: SyncLimits,
    private readonly paused: () => boolean,
    /** Hands over what a slice staged. */
    private readonly hand: (slice: SliceResult) => Promise<void>,
    private readonly changed: () => void,
  ) {}

  get done(): boolean {
    return this.reading.spans.length === 0;
  }

  /** Requests for what is left of all spans; undefined while that can't be told. */
  get requestsLeft(): number | undefined {
    const rows = this.rowsLeft;
    return rows.includes(0) ? undefined : Math.ceil(rows.reduce((sum, each) => sum + each, 0) / rowsPerPage);
  }

  /** Rows that all spans bring together; undefined while that can't be told. */
  get rowsExpected(): number | undefined {
    const { spans, finished } = this.reading;
    const left = this.rowsLeft.map((rows, nth) => {
      const { task, total, rows: read } = spans[nth] as Span;
      const isExact = total !== undefined && (task.kind === 'list' || total < mostTold);
      return isExact ? Math.max(0, total - read) : rows === 0 ? undefined : rows;
    });
    if (!left.every((rows) => rows !== undefined)) return undefined;
    return Math.round(
      [...finished, ...spans].reduce((sum, { rows }) => sum + rows, 0) + left.reduce((a, b) => a + b, 0),
    );
  }

  /** By span; 0 where that can't be told. */
  private get rowsLeft(): number[] {
    const { spans, end } = this.reading;
    return spans.map((span) => rowsLeft(span, end ?? undefined));
  }

  /** Reads until all is read or `paused` says stop. Throws what the first slice that failed threw, when no other is under way. */
  async read(): Promise<void> {
    const lanes = new Lanes(
      () => this.laneCount,
      () => this.reading.spans,
      () => this.done || this.paused(),
    );
    await lanes.run((span) => this.advance(span));
  }

  private get laneCount(): number {
    return lanesFor(this.limits.lanes, this.concurrency);
  }

  private async advance(span: Span): Promise<void> {
    const { limits, reading } = this;
    const surveying = reading.slices < 2 && span.task.kind === 'search';
    const { pages, seconds } = limits.slice;
    const short = { pages: Math.min(pages, survey.pages), seconds: Math.min(seconds, survey.seconds) };
    const slice = await this.slice(span.task, span.cursor, surveying ? short : {}, span.delivered);
    this.take(span, slice);
    this.note(slice);
    await this.hand(slice);
    await this.rest(slice);
    if (!span.done) await this.share(span);
  }

  private note({ counts, pace, concurrency }: SliceResult): void {
    this.run.count(counts);
    this.run.paced(pace);
    this.concurrency = concurrency;
  }

  private async rest({ waitUntil }: SliceResult): Promise<void> {
    if (waitUntil !== undefined) await waitForLimit([this.run], waitUntil, this.changed);
  }

  private take(span: Span, slice: SliceResult): void {
    const { reading } = this;
    span.cursor = slice.cursor;
    span.done = slice.done;
    span.rows += slice.counts.rows;
    const delivered = lastDelivered(slice.segments);
    if (delivered) span.delivered = delivered;
    delete span.rest;
    if (slice.rest) span.rest = slice.rest;
    if (slice.total !== undefined) span.total = slice.total;
    if (slice.frontier !== undefined) span.frontier = slice.frontier;
    if (slice.begun !== undefined) reading.begun ??= slice.begun;
    if (span.task.kind === 'search' && typeof span.task.to === 'object') {
      const to = upperBound(span.task.to, reading.begun);
      if (to !== undefined) {
        reading.to = to;
        span.task = { ...span.task, to };
      }
    }
    if (span.done) {
      reading.spans.splice(reading.spans.indexOf(span), 1);
      reading.finished.push(partOf(span));
    }
  }

  /** Cuts what is left of a span, when lanes have nothing to do and there is enough for them. */
  private async share(span: Span): Promise<void> {
    const { reading, limits } = this;
    const idle = (): number => this.laneCount - reading.spans.length;
    if (idle() <= 0 || span.task.kind !== 'search' || !span.rest) return;
    const { total = mostTold, rows: read } = span;
    if (total < mostTold && total - read < limits.rowsPerSpan.least) return;
    if (span.task.to === undefined && reading.end === undefined) await this.findEnd(span.task);
    const end = reading.end ?? undefined;
    const rows = rowsLeft(span, end);
    const { always, least } = limits.rowsPerSpan;
    const few = Math.min(Math.floor(rows / least), 1 + this.cutsLeft);
    const parts = Math.min(idle() + 1, Math.max(Math.floor(rows / always), few));
    if (parts < 2) return;
    const [first, ...others] = cut(span, parts, end ?? span.rest.from);
    if (!first) return;
    reading.spans.splice(reading.spans.indexOf(span), 1, first, ...others);
    reading.cuts += others.length;
  }

  private get cutsLeft(): number {
    const pages = this.run.pages + this.rowsLeft.reduce((sum, rows) => sum + rows, 0) / rowsPerPage;
    return Math.max(0, fewCuts.always + Math.floor(pages * fewCuts.perPage) - this.reading.cuts);
  }

  private async findEnd({ key, from, to }: SearchTask): Promise<void> {
    const task = {
      kind: 'search-end',
      key,
      ...(from === undefined ? {} : { from }),
      ...(typeof to === 'string' ? { to } : {}),
    } as const;
    while (this.reading.end === undefined) {
      const slice = await this.slice(task, null, { pages: 1 });
      this.note(slice);
      if (slice.done) this.reading.end = slice.end ?? null;
      await this.rest(slice);
    }
  }

  private slice(
    task: Task,
    cursor: Json,
    limits: Partial<SyncLimits['slice']>,
    delivered?: Segment,
  ): Promise<SliceResult> {
    const { name } = this.run.stream;
    const slice = `${name}-${this.reading.slices}`;
    this.reading.slices += 1;
    const what = task.kind === 'search-end' ? `greatest ${task.key}` : `from page ${this.run.pages + 1}`;
    return this.fetch(`${name} · slice ${this.reading.slices} · ${what}`, {
      slice,
      task,
      cursor,
      limits: { ...this.limits.slice, ...limits },
      ...(delivered && { delivered }),
    });
  }
}

function partOf({ task, rows, total }: Span): AuditPart {
  return { part: nameOf(task), rows, ...(total === undefined ? {} : { total }) };
}

function nameOf(task: Span['task']): string {
  if (task.kind === 'list') return 'the list';
  const { key, from = 'the beginning', to, missing } = task;
  const range = `${key} ${from} to ${typeof to === 'string' ? to : 'the end'}`;
  return missing ? `${range}, and without ${key}` : range;
}
