import fc from 'fast-check';
import {
  buildCatalog,
  CatalogError,
  parseConfiguredCatalog,
  type StreamDeclaration,
} from '../../../src/airbyte/catalog';
import { formatCatalogLine } from '../../../src/airbyte/messages';
import { parseMessage } from './protocol/validator';

const users: StreamDeclaration = {
  name: 'users',
  jsonSchema: { type: 'object', properties: { user_id: { type: 'string' }, updated_at: { type: 'string' } } },
  primaryKey: [['user_id']],
  cursorField: 'updated_at',
  syncModes: ['full_refresh', 'incremental'],
};
const members: StreamDeclaration = {
  name: 'members',
  jsonSchema: { type: 'object', properties: { org_id: { type: 'string' }, user_id: { type: 'string' } } },
  primaryKey: [['org_id'], ['user_id']],
  syncModes: ['full_refresh'],
};
const known = [users, members];

test('the catalog has the keys, cursor and modes of each stream, and all are resumable', () => {
  expect(parseMessage(formatCatalogLine(buildCatalog(known))).catalog).toEqual({
    streams: [
      {
        name: 'users',
        json_schema: users.jsonSchema,
        supported_sync_modes: ['full_refresh', 'incremental'],
        source_defined_cursor: true,
        default_cursor_field: ['updated_at'],
        source_defined_primary_key: [['user_id']],
        is_resumable: true,
      },
      {
        name: 'members',
        json_schema: members.jsonSchema,
        supported_sync_modes: ['full_refresh'],
        source_defined_cursor: true,
        source_defined_primary_key: [['org_id'], ['user_id']],
        is_resumable: true,
      },
    ],
  });
});

test('parses a complete entry of the Airbyte platform', () => {
  const streams = [
    {
      stream: { ...buildCatalog([users])[0], namespace: 'west' },
      sync_mode: 'incremental',
      destination_sync_mode: 'append_dedup',
      cursor_field: ['updated_at'],
      primary_key: [['user_id']],
      sync_id: 7,
      generation_id: 3,
      minimum_generation_id: 0,
    },
  ];
  expect(parseConfiguredCatalog({ streams }, known)).toEqual({
    problems: [],
    streams: [
      {
        name: 'users',
        syncMode: 'incremental',
        destinationSyncMode: 'append_dedup',
        namespace: 'west',
        syncId: 7,
        generationId: 3,
        minimumGenerationId: 0,
      },
    ],
  });
});

test('ignores the sync_id of PyAirbyte, which is 1 in every read', () => {
  const generations = { generation_id: 1, minimum_generation_id: 1 };
  const streams = [{ stream: { name: 'members' }, sync_mode: 'incremental', sync_id: 1, ...generations }];
  const [read] = parseConfiguredCatalog({ streams }, known).streams;
  expect(read).toMatchObject({ name: 'members', generationId: 1, minimumGenerationId: 1 });
  expect(read).not.toHaveProperty('syncId');
});

test('treats null as absent', () => {
  const nulls = {
    cursor_field: null,
    primary_key: null,
    sync_id: null,
    generation_id: null,
    minimum_generation_id: null,
  };
  const stream = { name: 'users', json_schema: {}, namespace: null, default_cursor_field: null, is_resumable: null };
  const minimal = {
    stream: { name: 'users', json_schema: {} },
    sync_mode: 'full_refresh',
    destination_sync_mode: 'overwrite',
  };
  const expected = {
    problems: [],
    streams: [{ name: 'users', syncMode: 'full_refresh', destinationSyncMode: 'overwrite' }],
  };
  expect(parseConfiguredCatalog({ streams: [minimal] }, known)).toEqual(expected);
  expect(parseConfiguredCatalog({ streams: [{ ...minimal, ...nulls, stream }] }, known)).toEqual(expected);
});

test('reads a stream without incremental mode as a full refresh when incremental is requested', () => {
  const streams = [{ stream: { name: 'members' }, sync_mode: 'incremental', destination_sync_mode: 'overwrite' }];
  expect(parseConfiguredCatalog({ streams }, known)).toEqual({
    problems: [],
    streams: [{ name: 'members', syncMode: 'full_refresh', destinationSyncMode: 'overwrite' }],
  });
});

test('uses the protocol’s default modes, and accepts an unknown destination mode', () => {
  const streams = [
    { stream: { name: 'users' }, destination_sync_mode: 'overwrite_dedup' },
    { stream: { name: 'members' } },
  ];
  expect(parseConfiguredCatalog({ streams }, known).streams).toEqual([
    { name: 'users', syncMode: 'full_refresh', destinationSyncMode: 'overwrite_dedup' },
    { name: 'members', syncMode: 'full_refresh', destinationSyncMode: 'append' },
  ]);
});

test('reports an unknown stream and an invalid mode as problems, and parses the other streams', () => {
  const streams = [
    { stream: { name: 'invoices', namespace: 'west' }, sync_mode: 'full_refresh', destination_sync_mode: 'append' },
    { stream: { name: 'users' }, sync_mode: 'INVALID', destination_sync_mode: 'append' },
    { stream: { name: 'members' }, sync_mode: 'full_refresh', destination_sync_mode: 'append' },
  ];
  const { streams: read, problems } = parseConfiguredCatalog({ streams }, known);
  expect(read.map((stream) => stream.name)).toEqual(['members']);
  expect(problems).toEqual([
    {
      stream: { name: 'invoices', namespace: 'west' },
      message:
        'this source has no stream "invoices". Available streams: users, members. Refresh the source schema and select the streams again.',
    },
    {
      stream: { name: 'users' },
      message: expect.stringContaining('sync_mode must be full_refresh or incremental') as string,
    },
  ]);
});

test.each<[unknown, string]>([
  [null, 'the top level'],
  [[], 'the top level'],
  [{}, 'streams'],
  [{ streams: {} }, 'streams'],
  [{ streams: [] }, 'streams'],
  [{ streams: [null] }, 'streams[0]'],
  [{ streams: [{ stream: { name: 'users' } }, {}] }, 'streams[1].stream'],
  [{ streams: [{ stream: { name: '' } }] }, 'streams[0].stream.name'],
  [{ streams: [{ stream: { name: 'users' }, sync_id: 'seven' }] }, 'streams[0].sync_id'],
  [{ streams: [{ stream: { name: 'users' }, destination_sync_mode: 1 }] }, 'streams[0].destination_sync_mode'],
  [{ streams: [{ stream: { name: 'users' } }, { stream: { name: 'users' } }] }, 'streams[1].stream.name'],
])('refuses %j as a catalog and names the path: %s', (json, where) => {
  let thrown: unknown;
  try {
    parseConfiguredCatalog(json, known);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CatalogError);
  expect(thrown).toMatchObject({
    where,
    message: expect.stringMatching(/the configured catalog, at .*\. Pass \{/) as string,
  });
});

test('parses every stream of any catalog, reports it as a problem, or refuses the catalog', () => {
  const entry = fc.record(
    {
      stream: fc.oneof(
        fc.record({ name: fc.constantFrom('users', 'members', 'x', ''), namespace: fc.jsonValue() }),
        fc.jsonValue(),
      ),
      sync_mode: fc.oneof(fc.constantFrom('full_refresh', 'incremental'), fc.jsonValue()),
      destination_sync_mode: fc.oneof(fc.constant('append'), fc.jsonValue()),
      sync_id: fc.oneof(fc.nat(), fc.jsonValue()),
    },
    { requiredKeys: ['stream'] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.record({ streams: fc.array(entry, { maxLength: 3 }) }), fc.jsonValue()), (json) => {
      try {
        const { streams, problems } = parseConfiguredCatalog(json, known);
        expect(streams.length + problems.length).toBe((json as { streams: unknown[] }).streams.length);
      } catch (error) {
        expect(error).toBeInstanceOf(CatalogError);
      }
    }),
    { numRuns: 500 },
  );
});
