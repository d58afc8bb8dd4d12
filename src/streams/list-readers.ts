import { createListPaging, type ListCursor } from '../auth0/paging/list';
import type { ListRequest } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { SideIndex, StreamDescriptor } from './descriptor';
import { deliveredIndexName, parentIndexName, sideIndexName } from './fetch-task';
import type { Reader, ReaderOutput } from './stream-reader';

/** Reads a list of the tenant. */
function createPagingReader(
  base: ListRequest,
  first: 'checkpoint' | 'offset',
  toOutputs: (row: JsonObject) => ReaderOutput[],
): Reader<ListCursor> {
  const paging = createListPaging(base, first);
  return {
    ...paging,
    advance(cursor, page, { delivered }) {
      const isDelivered = (fingerprint: string): boolean => delivered.has(fingerprint);
      const { fresh, fingerprints, ...progress } = paging.advance(cursor, page, isDelivered);
      return {
        ...progress,
        rows: fresh.length,
        outputs: [...fresh.flatMap(toOutputs), ...fingerprints.map(createFingerprintOutput)],
      };
    },
    isRestarted,
  };
}

/** `fingerprint` identifies the row within its task. */
export function createFingerprintOutput(fingerprint: string): ReaderOutput {
  return { stream: deliveredIndexName, data: { fingerprint } };
}

export function isRestarted(list: ListCursor): boolean {
  return list.mode === 'checkpoint' && list.restarted === true;
}

function buildListRequest({ path, primaryKey, secretFields }: StreamDescriptor): ListRequest {
  const [key = []] = primaryKey;
  // The API can exclude top-level fields only.
  const fields = secretFields.filter((field) => !field.includes('.'));
  const query = fields.length > 0 ? { fields: fields.join(','), include_fields: false } : {};
  return { path, query, list: path, key: key[0] ?? 'id' };
}

/** Reads all rows of a stream's list. */
export function createListReader(stream: StreamDescriptor): Reader<ListCursor> {
  return createPagingReader(buildListRequest(stream), 'checkpoint', (data) => [{ stream: stream.name, data }]);
}

/**
 * Reads all rows of a parent stream, and writes the index of their ids, by which the child lists are read.
 * @param emit whether the stream itself is synced
 */
export function createParentsReader(stream: StreamDescriptor, emit: boolean): Reader<ListCursor> {
  const request = buildListRequest(stream);
  return createPagingReader(request, 'checkpoint', (data) => [
    ...(emit ? [{ stream: stream.name, data }] : []),
    { stream: parentIndexName, data: { id: data[request.key] as Json } },
  ]);
}

/** Reads the rows of a side index. */
export function createSideIndexReader({ list, paging, fields }: SideIndex): Reader<ListCursor> {
  return createPagingReader(list, paging, (row) => [
    { stream: sideIndexName, data: Object.fromEntries(fields.map((field) => [field, row[field] ?? null])) },
  ]);
}
