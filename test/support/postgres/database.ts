import { join } from 'node:path';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream } from '../../../src/protocol';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import type { Delivery, Sink } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { configureStream } from '../../../src/streams/registry';
import { numberDeliveries, stageRows } from '../contract/deliveries';
import { scratchFolders } from '../scratch';
import { query, readRecords } from './rows';

/** A schema for one test, with a sink. */
export interface TestSchema {
  schema: string;
  staging: Staging;
  sink: Sink;
  /** Returns a function that numbers the deliveries of one run and stages their records. */
  numberDeliveries(
    run: string,
    stream: ConfiguredStream,
  ): (records?: JsonObject[], content?: Partial<Delivery>) => Promise<Delivery>;
  /** Copies the records in one complete run. */
  copy(run: string, stream: ConfiguredStream, records: JsonObject[]): Promise<void>;
  readRecords(stream: string): Promise<JsonObject[]>;
  /** Runs one statement, in which `$schema` is replaced by the schema's name. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** Returns a function that creates a schema for a test. Sinks are closed after each test. */
export function useSchemas(getUrl: () => string): () => TestSchema {
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
    const sink = createPostgresSink({ url: getUrl(), schema, staging });
    sinks.push(sink);
    const numberStaged: TestSchema['numberDeliveries'] = (run, stream) => {
      const next = numberDeliveries(run, stream);
      return async (records = [], content = {}) =>
        next({ segments: records.length > 0 ? [await stageRows(staging, stream.name, records)] : [], ...content });
    };
    return {
      schema,
      staging,
      sink,
      numberDeliveries: numberStaged,
      async copy(run, stream, records) {
        const next = numberStaged(run, stream);
        await sink.deliver(await next([], { status: 'STARTED' }));
        await sink.deliver(await next(records, { status: 'COMPLETE', state: { at: run } }));
      },
      readRecords: (stream) => readRecords(getUrl(), schema, stream),
      sql: (text, values) => query(getUrl(), text.replaceAll('$schema', schema), values),
    };
  };
}

/** Users as an incremental sync copies them, and as a full refresh does. */
export const mergedUsers = configureStream({
  name: 'users',
  syncMode: 'incremental',
  destinationSyncMode: 'append_dedup',
});
export const replacedUsers = configureStream({
  name: 'users',
  syncMode: 'full_refresh',
  destinationSyncMode: 'overwrite_dedup',
});

/** A made-up user, last updated on a day of January 2024. */
export function user(id: string, day?: number, rest: JsonObject = {}): JsonObject {
  return {
    user_id: id,
    ...(day !== undefined && { updated_at: new Date(Date.UTC(2024, 0, day)).toISOString() }),
    ...rest,
  };
}
