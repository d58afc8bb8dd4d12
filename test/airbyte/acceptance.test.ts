/**
 * What Airbyte's connector acceptance tests ask of a source (connector_acceptance_test: test_core.py, test_full_refresh.py,
 * test_incremental.py), asked of the real program. Airbyte runs them against an image; these need none.
 */
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import type { AirbyteStream, ConnectorSpecification } from '../../src/airbyte/messages';
import { startEmulator, type Emulator } from '../../src/emulator/server';
import type { JsonObject } from '../../src/json';
import { run, scratchFolder, tracedErrors, writeJson, type Ended } from '../integration/program';
import { configOf } from '../integration/tenant';
import { messageOn } from './protocol/validator';

jest.setTimeout(180_000);

type Schema = Record<string, unknown>;
type Message = ReturnType<typeof messageOn>;
interface RecordMessage {
  stream: string;
  emitted_at: number;
  data: JsonObject;
}
interface StateMessage {
  stream: { stream_descriptor: { name: string }; stream_state: JsonObject };
}

/** What a command wrote, each line of it checked against the protocol. */
interface Said extends Ended {
  messages: Message[];
}

const folder = scratchFolder();
let files = 0;
let tenant: Emulator;
let config: string;
let catalog: AirbyteStream[];

function write(value: unknown): string {
  return writeJson(folder, `${(files += 1)}.json`, value);
}

async function say(args: string[], env: Record<string, string> = {}): Promise<Said> {
  const ended = await run('source-auth0', args, { env });
  expect(ended.stderr).toBe('');
  const messages = ended.stdout.split(/(?<=\n)/).map((line) => messageOn(line));
  return { ...ended, messages };
}

/** The one message of a type; that there is no second one is part of what is asked. */
function onlyOne({ messages }: Said, type: string, body: string): unknown {
  const found = messages.filter((message) => message.type === type);
  expect(found).toHaveLength(1);
  return found[0]?.[body];
}

interface ReadOptions {
  mode?: string;
  streams?: AirbyteStream[];
  state?: unknown;
  /** Ends a slice, and so brings a state, after each page. */
  byPage?: boolean;
  entry?: JsonObject;
}

function read({ mode = 'full_refresh', streams = catalog, state, byPage, entry }: ReadOptions): Promise<Said> {
  const configured = streams.map((stream) => ({
    stream,
    sync_mode: mode,
    destination_sync_mode: 'append_dedup',
    ...entry,
  }));
  const flags = ['--config', config, '--catalog', write({ streams: configured })];
  return say(
    ['read', ...flags, ...(state === undefined ? [] : ['--state', write(state)])],
    byPage ? { ROLLCALL_SLICE_PAGES: '1' } : {},
  );
}

function recordsIn(messages: Message[]): RecordMessage[] {
  return messages.filter(({ type }) => type === 'RECORD').map(({ record }) => record as RecordMessage);
}

function statesIn(messages: Message[]): { state: StateMessage; place: number }[] {
  return messages.flatMap(({ type, state }, place) =>
    type === 'STATE' ? [{ state: state as StateMessage, place }] : [],
  );
}

function keyOf({ stream, data }: RecordMessage): string {
  const { source_defined_primary_key: key = [] } = catalog.find(({ name }) => name === stream) ?? {};
  return JSON.stringify([stream, ...key.flat().map((field) => data[field])]);
}

function keysOf(messages: Message[]): string[] {
  return recordsIn(messages).map(keyOf).sort();
}

/** What was said of a stream, in order: its statuses, `RECORD` and `STATE`. */
function courseOf(stream: string, { messages }: Said): string[] {
  return messages.flatMap(({ type, record, state, trace }) => {
    if (type === 'RECORD') return (record as RecordMessage).stream === stream ? ['RECORD'] : [];
    if (type === 'STATE') return (state as StateMessage).stream.stream_descriptor.name === stream ? ['STATE'] : [];
    const { stream_status: told } = (trace ?? {}) as {
      stream_status?: { stream_descriptor: { name: string }; status: string };
    };
    return told?.stream_descriptor.name === stream ? [told.status] : [];
  });
}

beforeAll(async () => {
  // Little enough to be read many times over, with lists of several pages and all that is odd about real users.
  tenant = await startEmulator({
    scenario: {
      users: { count: 230, missingUpdatedAt: 4, ties: [{ size: 20 }] },
      organizations: { count: 6, members: 15, big: [130, 0] },
      clients: { count: 120 },
      roles: { count: 6 },
    },
  });
  config = write(configOf(tenant));
  const said = await say(['discover', '--config', config]);
  ({ streams: catalog } = onlyOne(said, 'CATALOG', 'catalog') as { streams: AirbyteStream[] });
});
afterAll(() => tenant.close());

describe('spec', () => {
  let spec: ConnectorSpecification;
  let schemas: Schema[];

  /** A schema and all schemas within it. */
  function schemasIn(schema: Schema): Schema[] {
    const inner = [
      ...Object.values((schema['properties'] ?? {}) as Record<string, Schema>),
      ...((schema['oneOf'] ?? []) as Schema[]),
      ...(schema['items'] ? [schema['items'] as Schema] : []),
    ];
    return [schema, ...inner.flatMap(schemasIn)];
  }

  beforeAll(async () => {
    const said = await say(['spec']);
    expect(said.code).toBe(0);
    spec = onlyOne(said, 'SPEC', 'spec') as ConnectorSpecification;
    schemas = schemasIn(spec.connectionSpecification);
  });

  it('is a draft-07 schema, which the configuration in use satisfies', () => {
    const ajv = addFormats(new Ajv({ strict: false }));
    expect(ajv.validateSchema(spec.connectionSpecification)).toBe(true);
    expect(ajv.validate(spec.connectionSpecification, configOf(tenant))).toBe(true);
    expect(spec.connectionSpecification['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  });

  it('uses no keyword that Airbyte does not know, no list of types, and no empty object', () => {
    const unknown = ['$ref', '$defs', 'definitions', 'allOf', 'anyOf', 'not', 'if', 'then', 'else'];
    unknown.push('patternProperties', 'dependencies', 'dependentRequired', 'prefixItems', 'const', 'enum');
    for (const schema of schemas) {
      const allowed = schema['type'] === 'string' ? ['const', 'enum'] : [];
      expect(Object.keys(schema).filter((word) => unknown.includes(word) && !allowed.includes(word))).toEqual([]);
      expect(typeof schema['type']).toBe('string');
      if (schema['type'] !== 'object') continue;
      expect(Object.keys(schema['properties'] ?? schema['oneOf'] ?? {})).not.toEqual([]);
    }
  });

  it('lets additional properties pass everywhere', () => {
    const closed = schemas.filter(
      (schema) => 'additionalProperties' in schema && schema['additionalProperties'] !== true,
    );
    expect(closed).toEqual([]);
    expect(spec.connectionSpecification['additionalProperties']).toBe(true);
  });

  it('tells the options of a choice apart by one constant that they share and require', () => {
    const choices = schemas.filter((schema) => 'oneOf' in schema);
    expect(choices).toHaveLength(1);
    for (const { type, oneOf } of choices) {
      const options = oneOf as { type: string; required: string[]; properties: Record<string, Schema> }[];
      expect(type).toBe('object');
      expect(options.map((option) => option.type)).toEqual(options.map(() => 'object'));
      const constants = options.map(({ properties }) =>
        Object.keys(properties).filter((name) => 'const' in (properties[name] ?? {})),
      );
      const [[name = ''] = []] = constants;
      expect(constants).toEqual(options.map(() => [name]));
      for (const { properties, required } of options) {
        expect(required).toContain(name);
        expect(properties[name]).toMatchObject({ type: 'string', const: expect.any(String) });
        const { const: constant, default: chosen = constant, enum: among = [constant] } = properties[name] ?? {};
        expect({ chosen, among }).toEqual({ chosen: constant, among: [constant] });
      }
      expect(new Set(options.map(({ properties }) => properties[name]?.['const'])).size).toBe(options.length);
    }
  });

  it('marks everything whose name says that it is secret', () => {
    const secret = /secret|token$|password|api_?key|private_?key|credentials?_json/;
    const properties = schemas.flatMap(({ properties }) =>
      Object.entries((properties ?? {}) as Record<string, Schema>),
    );
    const secrets = properties.filter(([name, { type }]) => type === 'string' && secret.test(name));
    expect(secrets.map(([name]) => name).sort()).toEqual(['access_token', 'client_secret', 'private_key']);
    for (const [, schema] of secrets) expect(schema['airbyte_secret']).toBe(true);
  });
});

describe('check', () => {
  it('answers once that a good configuration works', async () => {
    const said = await say(['check', '--config', config]);
    expect(said.code).toBe(0);
    expect(onlyOne(said, 'CONNECTION_STATUS', 'connectionStatus')).toEqual({ status: 'SUCCEEDED' });
  });

  it.each<[string, JsonObject]>([
    ['a tenant refuses', { client_secret: 'not-the-secret' }],
    ['lacks a key', { client_secret: null }],
  ])('answers once that a configuration which %s does not, and why', async (_, credentials) => {
    const good = configOf(tenant);
    const bad = { ...good, credentials: { ...(good['credentials'] as JsonObject), ...credentials } };
    const said = await say(['check', '--config', write(bad)]);
    expect(said.code).toBe(0);
    expect(onlyOne(said, 'CONNECTION_STATUS', 'connectionStatus')).toEqual({
      status: 'FAILED',
      message: expect.stringContaining('secret'),
    });
  });
});

describe('discover', () => {
  it('names each stream once, with a way to read it, and more than one way where there is a cursor', () => {
    expect(catalog.length).toBeGreaterThan(0);
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
    for (const { supported_sync_modes: modes, default_cursor_field: cursor, source_defined_cursor: own } of catalog) {
      expect(modes).toContain('full_refresh');
      expect({ incremental: modes.includes('incremental'), own }).toEqual({
        incremental: cursor !== undefined,
        own: true,
      });
    }
  });

  it('declares every key and every cursor, and each field by one name', () => {
    for (const { json_schema, source_defined_primary_key: keys, default_cursor_field: cursor = [] } of catalog) {
      const fields = Object.keys(json_schema['properties'] as object);
      expect(keys.length).toBeGreaterThan(0);
      expect(fields).toEqual(expect.arrayContaining([...keys.flat(), ...cursor]));
      expect(new Set(fields.map((field) => field.toLowerCase())).size).toBe(fields.length);
    }
  });

  it('has schemas that refer to nothing, combine nothing and close nothing', () => {
    const ajv = addFormats(new Ajv({ strict: false }));
    for (const { json_schema } of catalog) {
      expect(ajv.validateSchema(json_schema)).toBe(true);
      expect(JSON.stringify(json_schema)).not.toMatch(/"(\$ref|allOf|not)":|"additionalProperties":false/);
    }
  });
});

describe('full refresh', () => {
  let first: Said;
  let second: Said;

  beforeAll(async () => {
    first = await read({});
    second = await read({});
  });

  it('ends well, with records of every stream and nothing wrong', () => {
    for (const { code, stdout, messages } of [first, second]) {
      expect({ code, errors: tracedErrors(stdout) }).toEqual({ code: 0, errors: [] });
      expect(new Set(recordsIn(messages).map(({ stream }) => stream))).toEqual(
        new Set(catalog.map(({ name }) => name)),
      );
    }
  });

  it('brings records that their schemas describe', () => {
    const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
    for (const { name, json_schema } of catalog) {
      const validate = ajv.compile(json_schema);
      const faults = recordsIn(first.messages)
        .filter(({ stream }) => stream === name)
        .flatMap(({ data }) => (validate(data) ? [] : (validate.errors ?? [])));
      expect({ name, faults }).toEqual({ name, faults: [] });
    }
  });

  it('declares every field at the top of a record, but for what an identity provider has put on a profile', () => {
    const undeclared = new Set(
      recordsIn(first.messages).flatMap(({ stream, data }) => {
        const { properties } = catalog.find(({ name }) => name === stream)?.json_schema as { properties: object };
        return Object.keys(data)
          .filter((field) => !(field in properties))
          .map((field) => `${stream}.${field}`);
      }),
    );
    // Any claim of an enterprise connection may stand there: no schema can name them all.
    expect([...undeclared].sort()).toEqual([
      'users.groups',
      'users.https://example.com/claims/tier',
      'users.locale',
      'users.upn',
    ]);
  });

  it('brings no record without its key, and none twice', () => {
    const records = recordsIn(first.messages);
    const keys = records.map((record) => JSON.parse(keyOf(record)) as unknown[]);
    expect(keys.filter((key) => key.length < 2 || key.some((part) => typeof part !== 'string'))).toEqual([]);
    expect(new Set(records.map(keyOf)).size).toBe(records.length);
  });

  it('brings the same when it is repeated, emitted later', () => {
    expect(keysOf(second.messages)).toEqual(keysOf(first.messages));
    const times = (said: Said): number[] => recordsIn(said.messages).map(({ emitted_at }) => emitted_at);
    expect(Math.min(...times(second))).toBeGreaterThan(Math.max(...times(first)));
  });

  it('tells of each stream that it starts, runs and completes, in that order, and its last state just before', () => {
    for (const { name } of catalog) {
      const course = courseOf(name, first);
      expect(course.slice(0, 3)).toEqual(['STARTED', 'RUNNING', 'RECORD']);
      expect(course.slice(-2)).toEqual(['STATE', 'COMPLETE']);
      expect(course.filter((step) => step !== 'RECORD' && step !== 'STATE')).toEqual([
        'STARTED',
        'RUNNING',
        'COMPLETE',
      ]);
      // A record that no state follows is none that a destination may count on.
      expect(course.lastIndexOf('RECORD')).toBeLessThan(course.lastIndexOf('STATE'));
    }
  });

  it('counts in each state the records of its stream since the one before', () => {
    for (const { name } of catalog) {
      const counted = courseOf(name, first)
        .join(' ')
        .split('STATE')
        .slice(0, -1)
        .map((part) => part.split('RECORD').length - 1);
      const told = first.messages
        .filter(({ state }) => (state as StateMessage | undefined)?.stream.stream_descriptor.name === name)
        .map(({ state }) => (state as { sourceStats: { recordCount: number } }).sourceStats.recordCount);
      expect({ name, told }).toEqual({ name, told: counted });
    }
  });
});

describe('incremental', () => {
  const lookBackMs = 180_000;
  let users: AirbyteStream[];
  let first: Said;

  const cursorOf = ({ data }: RecordMessage): string | undefined => data['updated_at'] as string | undefined;
  const savedIn = ({ stream }: StateMessage): string | undefined =>
    stream.stream_state['updated_at'] as string | undefined;
  /** Users whom a read that goes on from a cursor may bring: those at or after it, less the look-back, and those without. */
  const isDue = (record: RecordMessage, cursor: string): boolean =>
    Date.parse(cursorOf(record) ?? cursor) >= Date.parse(cursor) - lookBackMs;

  beforeAll(async () => {
    users = catalog.filter(({ supported_sync_modes: modes }) => modes.includes('incremental'));
    expect(users.map(({ name }) => name)).toEqual(['users']);
    first = await read({ mode: 'incremental', streams: users, byPage: true });
    expect(first.code).toBe(0);
  });

  /** Each state of a read, with the records before it and after it. */
  function around(said: Said): { state: StateMessage; before: RecordMessage[]; after: RecordMessage[] }[] {
    return statesIn(said.messages).map(({ state, place }) => ({
      state,
      before: recordsIn(said.messages.slice(0, place)),
      after: recordsIn(said.messages.slice(place)),
    }));
  }

  it('ends with a cursor that no record is beyond, and goes on from there with no more than the look-back', async () => {
    const last = around(first).at(-1)!;
    const cursor = savedIn(last.state)!;
    expect(last.before).toHaveLength(230);
    expect(last.before.filter((record) => (cursorOf(record) ?? '') > cursor)).toEqual([]);
    const next = await read({ mode: 'incremental', streams: users, state: [last.state] });
    expect(next.code).toBe(0);
    const records = recordsIn(next.messages);
    expect(records.length).toBeLessThan(last.before.length);
    expect(records.filter((record) => !isDue(record, cursor))).toEqual([]);
    expect(savedIn(around(next).at(-1)!.state)! >= cursor).toBe(true);
  });

  it('goes on from every state of its first read with what that had still to bring', async () => {
    const states = around(first).slice(0, -1);
    expect(states.length).toBeGreaterThan(2);
    const rests = await Promise.all(
      states.map(({ state }) => read({ mode: 'incremental', streams: users, state: [state] })),
    );
    expect(rests.map(({ code }) => code)).toEqual(states.map(() => 0));
    expect(rests.map(({ messages }) => keysOf(messages))).toEqual(states.map(({ after }) => after.map(keyOf).sort()));
  });

  it('saves on the way cursors that only records of one instant are beyond, which come again with the rest', async () => {
    const middle = recordsIn(first.messages)
      .map(cursorOf)
      .filter((cursor) => cursor !== undefined)
      .sort()[50]!;
    const saved = [
      { type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: { updated_at: middle } } },
    ];
    const second = await read({ mode: 'incremental', streams: users, state: saved, byPage: true });
    expect(recordsIn(second.messages).length).toBeGreaterThan(150);
    expect(recordsIn(second.messages).filter((record) => !isDue(record, middle))).toEqual([]);
    const states = around(second).slice(0, -1);
    expect(states.length).toBeGreaterThan(1);
    const rests = await Promise.all(
      states.map(({ state }) => read({ mode: 'incremental', streams: users, state: [state] })),
    );
    for (const [place, { state, before, after }] of states.entries()) {
      const cursor = savedIn(state)!;
      // More users of the newest instant may be on the next page, so the cursor stays just before it.
      const beyond = before.filter((record) => (cursorOf(record) ?? '') > cursor);
      expect(new Set(beyond.map(cursorOf)).size).toBeLessThan(2);
      const rest = rests[place]!.messages;
      expect(keysOf(rest)).toEqual(expect.arrayContaining([...beyond, ...after].map(keyOf)));
      expect(recordsIn(rest).filter((record) => !isDue(record, cursor))).toEqual([]);
    }
  });

  it('brings nothing for a state in the future, which it leaves as it is', async () => {
    const future = { updated_at: '3021-09-08T07:04:28.000Z' };
    const state = [{ type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: future } }];
    const said = await read({ mode: 'incremental', streams: users, state });
    expect(said.code).toBe(0);
    expect(recordsIn(said.messages)).toEqual([]);
    expect(courseOf('users', said)).toEqual(['STARTED', 'STATE', 'COMPLETE']);
    expect(statesIn(said.messages)[0]!.state.stream.stream_state).toMatchObject(future);
  });
});

describe('a bad catalog', () => {
  it.each<[string, (streams: AirbyteStream[]) => ReadOptions]>([
    [
      'a stream that there is not',
      ([stream]) => ({ streams: [{ ...stream!, name: '__AIRBYTE__stream_that_does_not_exist' }] }),
    ],
    ['a mode that there is not', ([stream]) => ({ streams: [stream!], mode: 'INVALID' })],
  ])('that names %s is told in an error, and nothing is read', async (_, options) => {
    const said = await read(options(catalog));
    expect(said.code).toBe(2);
    expect(tracedErrors(said.stdout)).toMatchObject([{ failure_type: 'config_error' }]);
    expect(recordsIn(said.messages)).toEqual([]);
  });
});
