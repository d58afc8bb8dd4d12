import type { StreamState } from '../../../src/protocol';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import { createPostgresStateStore } from '../../../src/sinks/postgres/state-store';
import { describeDurableSink } from '../../support/contract/durable-sink';
import { describeSink } from '../../support/contract/sink';
import { type CreateDurableHarness, describeStateStore } from '../../support/contract/state-store';
import { query, readRecords } from '../../support/postgres/rows';
import { createDatabase } from '../../support/servers';

let url: string;
beforeAll(async () => (url = await createDatabase()));

let destinations = 0;

const createPostgresHarness: CreateDurableHarness = ({ staging }) => {
  destinations += 1;
  const schema = `acme-${destinations}`;
  return {
    openStateStore: () => createPostgresStateStore({ url, schema }),
    open: () => Promise.resolve(createPostgresSink({ url, schema, staging })),
    readRecords: (stream) => readRecords(url, schema, stream),
    async readStates() {
      const sql = `SELECT stream, state FROM "${schema}"._rollcall_streams WHERE state IS NOT NULL`;
      const rows = await query<{ stream: string; state: StreamState }>(url, sql);
      return Object.fromEntries(rows.map(({ stream, state }) => [stream, state]));
    },
    readSummaries: async () =>
      JSON.stringify(await query(url, `SELECT * FROM "${schema}"._rollcall_runs ORDER BY run`)),
  };
};

describeSink('postgres', createPostgresHarness);
describeDurableSink('postgres', createPostgresHarness);
describeStateStore('postgres', createPostgresHarness);
