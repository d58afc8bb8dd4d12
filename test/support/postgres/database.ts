import { join } from 'node:path';
import type { ConfiguredStream } from '../../../src/protocol';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import type { Delivery, Sink } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { configureStream } from '../../../src/streams/registry';
import type { JsonObject } from '../../../src/json';
import { stage, stepsOf } from '../contract/deliveries';
import { scratchFolders } from '../scratch';
import { createDatabase } from '../servers';
import { query, recordsIn } from './rows';
import { startPostgres, type PostgresServer } from './server';

/** A schema of its own for one test. */
export interface TestSchema {
  schema: string;
  staging: Staging;
  sink: Sink;
  /** Steps of one run; records are staged. */
  steps(run: string, stream: ConfiguredStream): (records?: JsonObject[], step?: Partial<Delivery>) => Promise<Delivery>;
  /** Delivers one run in one step. */
  copy(run: string, stream: ConfiguredStream, records: JsonObject[]): Promise<void>;
  held(stream: string): Promise<JsonObject[]>;
  /** `$schema` stands for the schema. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** A database for the tests of a file, and a new schema for each that asks. */
export function postgresTests(): { url(): string; begin(): TestSchema } {
  let url: string;
  beforeAll(async () => (url = await createDatabase()));
  return { url: () => url, begin: schemasOf(() => url) };
}

/** As `postgresTests`, on a server of the file's own, which may be restarted. */
export function ownPostgresTests(): { server(): PostgresServer; begin(): TestSchema } {
  let server: PostgresServer;
  beforeAll(async () => (server = await startPostgres()));
  afterAll(() => server.stop());
  return { server: () => server, begin: schemasOf(() => server.url) };
}

function schemasOf(url: () => string): () => TestSchema {
  let schemas = 0;
  const sinks: Sink[] = [];
  const newFolder = scratchFolders();
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
  });
  return () => {
    schemas += 1;
    const schema = `acme_${schemas}`;
    const staging = createStaging(join(newFolder(), 'staging'));
    const sink = createPostgresSink({ url: url(), schema, staging });
    sinks.push(sink);
    const steps: TestSchema['steps'] = (run, stream) => {
      const step = stepsOf(run, stream);
      return async (records = [], rest = {}) =>
        step({ segments: records.length > 0 ? [await stage(staging, stream.name, records)] : [], ...rest });
    };
    return {
      schema,
      staging,
      sink,
      steps,
      async copy(run, stream, records) {
        const step = steps(run, stream);
        await sink.deliver(await step([], { status: 'STARTED' }));
        await sink.deliver(await step(records, { status: 'COMPLETE', state: { at: run } }));
      },
      held: (stream) => recordsIn(url(), schema, stream),
      sql: (text, values) => query(url(), text.replaceAll('$schema', schema), values),
    };
  };
}

/** Users as `rollcall.yaml` has them copied, incrementally and as a whole. */
export const addedUsers = configureStream({
  name: 'users',
  syncMode: 'incremental',
  destinationSyncMode: 'append_dedup',
});
export const replacedUsers = configureStream({
  name: 'users',
  syncMode: 'full_refresh',
  destinationSyncMode: 'overwrite_dedup',
});

/** A made-up user that was changed on a day of January 2024. */
export function user(id: string, day?: number, rest: JsonObject = {}): JsonObject {
  return {
    user_id: id,
    ...(day !== undefined && { updated_at: new Date(Date.UTC(2024, 0, day)).toISOString() }),
    ...rest,
  };
}
