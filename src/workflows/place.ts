import { isObject } from '../airbyte/shape';
import type { Resume } from '../airbyte/state';
import { normaliseTimestamp } from '../airbyte/timestamp';
import type { Json } from '../json';
import type { ListTask, SearchTask } from '../streams/task';
import type { Place } from './spans';

/**
 * A place comes back out of a state that anybody may have changed. To go on at one that is none would stop the workflow
 * for good, or end it with nothing read; so each is held against the form in which it was saved.
 */
type Form = (value: unknown) => boolean;

const text: Form = (value) => typeof value === 'string';
const flag: Form = (value) => typeof value === 'boolean';
const count: Form = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const time: Form = (value) => typeof value === 'string' && normaliseTimestamp(value) !== undefined;
const only =
  (constant: Json): Form =>
  (value) =>
    value === constant;
const optional =
  (form: Form): Form =>
  (value) =>
    value === undefined || form(value);
const either =
  (...forms: Form[]): Form =>
  (value) =>
    forms.some((form) => form(value));
const list =
  (form: Form, least = 0): Form =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.every(form);
const object =
  (fields: Record<string, Form>): Form =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, form]) => form(value[name]));

const part = object({
  connection: optional(text),
  prefix: optional(text),
  not: list(either(object({ connection: text }), object({ prefix: text }))),
});
const block = object({
  parts: list(part, 1),
  page: count,
  read: count,
  total: optional(count),
  pass: list(text),
  restless: flag,
  before: list(text),
  kept: list(text),
  floor: count,
});
const range = object({
  lo: optional(time),
  after: flag,
  at: list(text),
  owed: optional(object({ total: count, read: count, to: text })),
  usual: optional(count),
});

/** Of a search that is not read to its end. */
const searchCursor = object({
  begun: optional(time),
  first: optional(time),
  keyset: either(
    object({ phase: only('range'), range }),
    object({ phase: only('block'), lo: text, after: flag, hi: text, block, short: optional(count) }),
    object({ phase: only('missing'), block, last: optional(time) }),
  ),
});

const listCursor = (done: Form): Form =>
  either(
    object({ mode: only('checkpoint'), from: optional(text), pages: count, done, empty: optional(count) }),
    object({
      mode: only('offset'),
      page: count,
      size: count,
      read: count,
      total: optional(count),
      seen: list(text),
      done,
    }),
  );

const listTask = object({ kind: only('list'), stream: text });
const searchTask = object({
  kind: only('search'),
  stream: text,
  key: either(only('created_at'), only('updated_at')),
  from: optional(time),
  to: optional(time),
  missing: flag,
});
const isTask = either(listTask, searchTask);
const span = either(
  object({ task: listTask, cursor: either(only(null), listCursor(only(false))) }),
  object({ task: searchTask, cursor: either(only(null), searchCursor) }),
);

/** Of tasks in their form. Whoever kept the state may have put its keys into another order. */
function isSame(one: object, other: object): boolean {
  const sorted = (task: object): string => JSON.stringify(Object.entries(task).sort());
  return sorted(one) === sorted(other);
}

/** Where a search or a list stood. Undefined when that can't be told, or when it was another one than `task`. */
export function placeIn({ cursor, finished }: Resume, task: ListTask | SearchTask): Place | undefined {
  if (!isObject(cursor) || !isTask(cursor.task) || !isSame(cursor.task as object, task)) return undefined;
  const isPlace = object({ spans: list(span, finished ? 0 : 1), begun: either(only(null), time) });
  if (!isPlace(cursor.place)) return undefined;
  const place = cursor.place as unknown as Place;
  return place.spans.every((each) => each.task.kind === task.kind && each.task.stream === task.stream)
    ? place
    : undefined;
}

/** A place in the list of organizations. */
export interface ListPlace {
  cursor: Json;
  /** Slices of the list read before this place; orders places, since cursors are opaque. */
  slices: number;
}

/** Where the list of organizations stood; undefined when that can't be told. */
export function listPlaceIn({ cursor, finished }: Resume): ListPlace | undefined {
  const done = finished ? flag : only(false);
  const isPlace = object({ cursor: either(only(null), listCursor(done)), slices: count });
  return isPlace(cursor) ? (cursor as unknown as ListPlace) : undefined;
}
