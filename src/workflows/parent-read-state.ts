import { readJobProgress } from '../airbyte/stream-state';
import type { FetchResult } from '../activities/fetch-contract';
import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import { type ChildrenTask, findLastDelivered } from '../streams/fetch-task';
import type { PlannedStream, ReadInput } from './contract';
import type { ReaderContext } from './read-workflow';
import type { StreamRun } from './stream-delivery';

/** A position in the parent list. */
export interface ListPosition {
  cursor: Json;
  /** Fetches of the list before this position; orders positions. */
  fetches: number;
}

/** Some parents whose child lists one sequence of fetches reads. */
export interface ChildBatch {
  reading: string;
  parents: ChildrenTask['parents'];
  /** Position in the parent list before the fetch that found these parents: where a later attempt would continue. */
  resumePoint: ListPosition;
  cursor: Json;
  /** See FetchInput.delivered. */
  delivered?: Segment;
}

/** How far a parent list and its child lists are read. Carried through continue-as-new. */
export interface ParentReadState {
  list: ListPosition & { done: boolean; delivered?: Segment };
  /** Rows of the parent list. */
  parents: number;
  /** Batches not read completely, in the order of the list. */
  batches: ChildBatch[];
  /** By the name of the reading. */
  readings: Record<string, ReadingState>;
}

export interface ReadingState {
  /** Parents whose child lists are read. */
  lists: number;
  /** Rows of these lists. */
  rows: number;
  /** The side index; absent until it has been read, null when the token may not read it. */
  sideIndex?: Segment[] | null;
  sideIndexAudit?: { rows: number; total?: number };
}

/** Child streams that one pass over the child lists fills. */
export interface Reading {
  name: string;
  /** In the order of the catalog: the stream that needs the most scopes comes last. */
  streams: StreamRun[];
  /** The stream that needs a side index. */
  indexed?: { stream: StreamRun; name: string; label: string };
}

export function createParentReadState({ streams, input }: Pick<ReaderContext, 'streams' | 'input'>): ParentReadState {
  const readings = input.streams.flatMap(({ reading }) => reading ?? []);
  return {
    list: { ...findResumePoint(streams, input.states), done: false },
    parents: 0,
    batches: [],
    readings: Object.fromEntries(readings.map((name) => [name, { lists: 0, rows: 0 }])),
  };
}

/** The position in the list that all streams had passed in earlier attempts of the same job. */
function findResumePoint(streams: readonly StreamRun[], states: ReadInput['states']): ListPosition {
  const start: ListPosition = { cursor: null, fetches: 0 };
  const points = streams
    .filter(({ isOpen }) => isOpen)
    .map(({ stream }) => {
      const { state, resumePoint } = states[stream.name] ?? {};
      const isSameJob = readJobProgress(state, stream.syncId) !== undefined;
      return isSameJob && resumePoint?.kind === 'parents'
        ? { cursor: resumePoint.cursor, fetches: resumePoint.fetches }
        : start;
    });
  return points.reduce((least, point) => (point.fetches < least.fetches ? point : least), points[0] ?? start);
}

/** Child streams by their reading. */
export function groupReadings(streams: readonly StreamRun[], planned: readonly PlannedStream[]): Reading[] {
  const readings = new Map<string, Reading>();
  streams.forEach((stream, index) => {
    const { reading: name, sideIndex } = planned[index] as PlannedStream;
    if (name === undefined) return;
    const reading = readings.get(name) ?? { name, streams: [] };
    reading.streams.push(stream);
    if (sideIndex) reading.indexed = { stream, ...sideIndex };
    readings.set(name, reading);
  });
  return [...readings.values()];
}

/** @param before what earlier fetches left */
export function pickDelivered({ segments }: FetchResult, before?: Segment): { delivered?: Segment } {
  const delivered = findLastDelivered(segments) ?? before;
  return delivered ? { delivered } : {};
}
