import { listPaging, type ListCursor } from '../auth0/paging/list';
import type { ListRequest } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { StreamDescriptor } from './descriptor';
import type { Output, Reader } from './reader';
import { streamOf } from './registry';
import { deliveredIndex, organizationIndex, roleIndex } from './task';

/**
 * A list of the tenant from its beginning to its end.
 * @param outputsOf what a row becomes
 */
function readerOfList(
  base: ListRequest,
  first: 'checkpoint' | 'offset',
  outputsOf: (row: JsonObject) => Output[],
): Reader<ListCursor> {
  const paging = listPaging(base, first);
  return {
    start: () => paging.start(),
    next: (cursor) => paging.next(cursor),
    advance(cursor, page, { delivered }) {
      const { fresh, prints, ...progress } = paging.advance(cursor, page, (print) => delivered.has(print));
      return { ...progress, rows: fresh.length, outputs: [...fresh.flatMap(outputsOf), ...prints.map(printOutput)] };
    },
    expired: () => paging.restart(),
    again: isAgain,
  };
}

/** @param print what tells the row from all others of its task */
export function printOutput(print: string): Output {
  return { stream: deliveredIndex, data: { print } };
}

export function isAgain(list: ListCursor): boolean {
  return list.mode === 'checkpoint' && list.again === true;
}

function baseOf({ path, primaryKey, secretFields }: StreamDescriptor): ListRequest {
  const [key = []] = primaryKey;
  // Only whole fields can be asked not to be sent.
  const fields = secretFields.filter((field) => !field.includes('.'));
  const query = fields.length > 0 ? { fields: fields.join(','), include_fields: false } : {};
  return { path, query, list: path, key: key[0] ?? 'id' };
}

/** Every row of a stream's own list. */
export function listReader(stream: string): Reader<ListCursor> {
  return readerOfList(baseOf(streamOf(stream)), 'checkpoint', (data) => [{ stream, data }]);
}

/**
 * Every organization, for its own stream and as the index of ids that its members are reached by.
 * @param emit whether the stream itself is wanted
 */
export function organizationsReader(emit: boolean): Reader<ListCursor> {
  const stream = 'organizations';
  return readerOfList(baseOf(streamOf(stream)), 'checkpoint', (data) => [
    ...(emit ? [{ stream, data }] : []),
    { stream: organizationIndex, data: { id: data['id'] as Json } },
  ]);
}

/** The tenant's roles, as the index of their descriptions. The API pages this list by offset only. */
export function rolesReader(): Reader<ListCursor> {
  return readerOfList({ path: 'roles', query: {}, list: 'roles', key: 'id' }, 'offset', ({ id, description }) => [
    { stream: roleIndex, data: { id: id as Json, description: description ?? null } },
  ]);
}
