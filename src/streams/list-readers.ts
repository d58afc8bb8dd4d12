import { endpoints } from '../auth0/endpoints';
import { createListPaging, type ListCursor } from '../auth0/paging/list';
import type { ListRequest } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { StreamDescriptor } from './descriptor';
import { deliveredIndexName, organizationIndexName, roleIndexName } from './fetch-task';
import { getStream } from './registry';
import type { Reader, ReaderOutput } from './stream-reader';

/**
 * A list of the tenant from its beginning to its end.
 * @param toOutputs what a row becomes
 */
function createPagingReader(
  base: ListRequest,
  first: 'checkpoint' | 'offset',
  toOutputs: (row: JsonObject) => ReaderOutput[],
): Reader<ListCursor> {
  const paging = createListPaging(base, first);
  return {
    start: () => paging.start(),
    next: (cursor) => paging.next(cursor),
    advance(cursor, page, { delivered }) {
      const { fresh, fingerprints, ...progress } = paging.advance(cursor, page, (print) => delivered.has(print));
      return {
        ...progress,
        rows: fresh.length,
        outputs: [...fresh.flatMap(toOutputs), ...fingerprints.map(createFingerprintOutput)],
      };
    },
    restart: () => paging.restart(),
    isRestarted,
  };
}

/** @param fingerprint what tells the row from all others of its task */
export function createFingerprintOutput(fingerprint: string): ReaderOutput {
  return { stream: deliveredIndexName, data: { print: fingerprint } };
}

export function isRestarted(list: ListCursor): boolean {
  return list.mode === 'checkpoint' && list.restarted === true;
}

function buildListRequest({ path, primaryKey, secretFields }: StreamDescriptor): ListRequest {
  const [key = []] = primaryKey;
  // Only whole fields can be asked not to be sent.
  const fields = secretFields.filter((field) => !field.includes('.'));
  const query = fields.length > 0 ? { fields: fields.join(','), include_fields: false } : {};
  return { path, query, list: path, key: key[0] ?? 'id' };
}

/** Every row of a stream's own list. */
export function createListReader(stream: string): Reader<ListCursor> {
  return createPagingReader(buildListRequest(getStream(stream)), 'checkpoint', (data) => [{ stream, data }]);
}

/**
 * Every organization, for its own stream and as the index of ids that its members are reached by.
 * @param emit whether the stream itself is wanted
 */
export function createOrganizationsReader(emit: boolean): Reader<ListCursor> {
  const stream = 'organizations';
  return createPagingReader(buildListRequest(getStream(stream)), 'checkpoint', (data) => [
    ...(emit ? [{ stream, data }] : []),
    { stream: organizationIndexName, data: { id: data['id'] as Json } },
  ]);
}

/** The tenant's roles, as the index of their descriptions. The API pages this list by offset only. */
export function createRolesReader(): Reader<ListCursor> {
  return createPagingReader(endpoints.roles(), 'offset', ({ id, description }) => [
    { stream: roleIndexName, data: { id: id as Json, description: description ?? null } },
  ]);
}
