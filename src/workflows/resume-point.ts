import type { SavedProgress } from '../airbyte/stream-state';
import { isObject, type Json } from '../json';
import type { ListTask, SearchTask } from '../streams/fetch-task';
import { normaliseTimestamp } from '../timestamp';
import type { ResumePoint } from './partitioned-read';

/**
 * A place comes back out of a state that anybody may have changed. To go on at one that is none would stop the workflow
 * for good, or end it with nothing read; so each is held against the form in which it was saved.
 */
type Validator = (value: unknown) => boolean;

const isText: Validator = (value) => typeof value === 'string';
const isFlag: Validator = (value) => typeof value === 'boolean';
const isCount: Validator = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isTimestamp: Validator = (value) => typeof value === 'string' && normaliseTimestamp(value) !== undefined;
const exactly =
  (constant: Json): Validator =>
  (value) =>
    value === constant;
const optional =
  (form: Validator): Validator =>
  (value) =>
    value === undefined || form(value);
const either =
  (...forms: Validator[]): Validator =>
  (value) =>
    forms.some((form) => form(value));
const array =
  (form: Validator, least = 0): Validator =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.every(form);
const object =
  (fields: Record<string, Validator>): Validator =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, form]) => form(value[name]));

const blockPart = object({
  connection: optional(isText),
  prefix: optional(isText),
  not: array(either(object({ connection: isText }), object({ prefix: isText }))),
});
const blockCursor = object({
  parts: array(blockPart, 1),
  page: isCount,
  read: isCount,
  total: optional(isCount),
  pass: array(isText),
  unstable: isFlag,
  deliveredBefore: array(isText),
  carriedOver: array(isText),
  carriedOverFloor: isCount,
});
const rangeCursor = object({
  lo: optional(isTimestamp),
  after: isFlag,
  deliveredAtLo: array(isText),
  announced: optional(object({ total: isCount, read: isCount, to: isText })),
  acceptedPageRows: optional(isCount),
});

/** Of a search that is not read to its end. */
const searchCursor = object({
  startedAt: optional(isTimestamp),
  firstKey: optional(isTimestamp),
  keyset: either(
    object({ phase: exactly('range'), range: rangeCursor }),
    object({
      phase: exactly('block'),
      lo: isText,
      after: isFlag,
      hi: isText,
      block: blockCursor,
      shortPageRows: optional(isCount),
    }),
    object({ phase: exactly('missing'), block: blockCursor, last: optional(isTimestamp) }),
  ),
});

const listCursor = (done: Validator): Validator =>
  either(
    object({
      mode: exactly('checkpoint'),
      from: optional(isText),
      pages: isCount,
      done,
      emptyPages: optional(isCount),
    }),
    object({
      mode: exactly('offset'),
      page: isCount,
      size: isCount,
      read: isCount,
      total: optional(isCount),
      seen: array(isText),
      done,
    }),
  );

const listTask = object({ kind: exactly('list'), stream: isText });
const searchTask = object({
  kind: exactly('search'),
  stream: isText,
  key: either(exactly('created_at'), exactly('updated_at')),
  from: optional(isTimestamp),
  to: optional(isTimestamp),
  missing: isFlag,
});
const isTask = either(listTask, searchTask);
const partition = either(
  object({ task: listTask, cursor: either(exactly(null), listCursor(exactly(false))) }),
  object({ task: searchTask, cursor: either(exactly(null), searchCursor) }),
);

/** Of tasks in their form. Whoever kept the state may have put its keys into another order. */
function isSameTask(one: object, other: object): boolean {
  const sorted = (task: object): string => JSON.stringify(Object.entries(task).sort());
  return sorted(one) === sorted(other);
}

/** Where a search or a list stood. Undefined when that can't be told, or when it was another one than `task`. */
export function parseResumePoint(
  { cursor, finished }: SavedProgress,
  task: ListTask | SearchTask,
): ResumePoint | undefined {
  if (!isObject(cursor) || !isTask(cursor.task) || !isSameTask(cursor.task as object, task)) return undefined;
  const isResumePoint = object({
    partitions: array(partition, finished ? 0 : 1),
    startedAt: either(exactly(null), isTimestamp),
  });
  if (!isResumePoint(cursor.resumePoint)) return undefined;
  const place = cursor.resumePoint as unknown as ResumePoint;
  return place.partitions.every((each) => each.task.kind === task.kind && each.task.stream === task.stream)
    ? place
    : undefined;
}

/** A place in the list of organizations. */
export interface ListResumePoint {
  cursor: Json;
  /** Slices of the list read before this place; orders places, since cursors are opaque. */
  fetches: number;
}

/** Where the list of organizations stood; undefined when that can't be told. */
export function parseListResumePoint({ cursor, finished }: SavedProgress): ListResumePoint | undefined {
  const done = finished ? isFlag : exactly(false);
  const isPlace = object({ cursor: either(exactly(null), listCursor(done)), fetches: isCount });
  return isPlace(cursor) ? (cursor as unknown as ListResumePoint) : undefined;
}
