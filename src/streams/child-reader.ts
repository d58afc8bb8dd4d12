import { createListPaging, type ListCursor, type ListPaging } from '../auth0/paging/list';
import type { Query } from '../auth0/request';
import type { JsonObject } from '../json';
import type { ChildList } from './descriptor';
import type { Lookup, LookupResults } from './fetch-task';
import { createFingerprintOutput, isRestarted } from './list-readers';
import type { ChildReaderOptions, Reader, ReaderOutput } from './stream-reader';

/** Position in the child lists of some parents. */
export type ChildCursor = {
  /** Parents whose lists are read completely. */
  index: number;
  /** Position in the list of the next one. */
  list: ListCursor;
};

/** How the rows of child lists become records. */
interface ChildRows {
  /** Query of each request. */
  query?: Query;
  toOutputs(parent: string, row: JsonObject, results: LookupResults): ReaderOutput[];
  listLookups?(parent: string, rows: readonly JsonObject[]): Lookup[];
}

/** Reads the child lists of some parents, one after the other. */
export function createChildReader(
  { request, paging }: ChildList,
  parents: readonly string[],
  { query = {}, toOutputs, listLookups = () => [] }: ChildRows,
): Reader<ChildCursor> {
  const createPaging = (parent: string): ListPaging => createListPaging(request(parent, query), paging);
  const startAt = (index: number): ChildCursor => ({ index, list: createPaging('').start() });

  function getParent(index: number): string {
    const parent = parents[index];
    if (parent === undefined) throw new Error('the lists of all parents have been read');
    return parent;
  }

  return {
    start: () => startAt(0),
    next: ({ index, list }) => (index < parents.length ? createPaging(getParent(index)).next(list) : undefined),
    listLookups: ({ index }, { rows }) => listLookups(getParent(index), rows),
    advance({ index, list }, page, { delivered, lookupResults }) {
      const parent = getParent(index);
      // The same row may be in the lists of several parents.
      const qualifyFingerprint = (fingerprint: string): string => `${index}:${fingerprint}`;
      const isDelivered = (fingerprint: string): boolean => delivered.has(qualifyFingerprint(fingerprint));
      const { cursor, fresh, fingerprints, repeated } = createPaging(parent).advance(list, page, isDelivered);
      const outputs = fresh.flatMap((row) => toOutputs(parent, row, lookupResults));
      return {
        cursor: cursor.done ? startAt(index + 1) : { index, list: cursor },
        outputs: [...outputs, ...fingerprints.map(qualifyFingerprint).map(createFingerprintOutput)],
        rows: fresh.length,
        repeated,
        notes: { undescribed: outputs.filter(({ changes }) => changes).length },
      };
    },
    // The parent was deleted after it was listed.
    skipVanished: ({ index }) => startAt(index + 1),
    restart: ({ index }) => ({ index, list: createPaging('').restart() }),
    isRestarted: ({ list }) => isRestarted(list),
  };
}

/** Reads the child lists of a stream whose rows are its records, and adds the parent's id to each. */
export function createChildRecordReader(
  stream: string,
  list: ChildList,
  { parents }: ChildReaderOptions,
): Reader<ChildCursor> {
  return createChildReader(list, parents, {
    toOutputs: (parent, row) => [{ stream, data: { [list.parentKey]: parent, ...row } }],
  });
}
