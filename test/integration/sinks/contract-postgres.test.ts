import type { StreamState } from '../../../src/protocol';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import { createPostgresStateStore } from '../../../src/sinks/postgres/state-store';
import { query, recordsIn } from '../../support/postgres/rows';
import { startPostgres, type PostgresServer } from '../../support/postgres/server';
import { describeDurableSink } from '../../support/contract/durable-sink';
import { describeSink } from '../../support/contract/sink';
import { describeStateKeeper, type BeginKeptSink } from '../../support/contract/state-keeper';

let server: PostgresServer;
beforeAll(async () => (server = await startPostgres()));
afterAll(() => server.stop());

let destinations = 0;

const postgres: BeginKeptSink = ({ staging }) => {
  destinations += 1;
  const schema = `acme-${destinations}`;
  return {
    keeper: () => createPostgresStateStore({ url: server.url, schema }),
    open: () => Promise.resolve(createPostgresSink({ url: server.url, schema, staging })),
    held: (stream) => recordsIn(server.url, schema, stream),
    async states() {
      const sql = `SELECT stream, state FROM "${schema}"._rollcall_streams WHERE state IS NOT NULL`;
      const rows = await query<{ stream: string; state: StreamState }>(server.url, sql);
      return Object.fromEntries(rows.map(({ stream, state }) => [stream, state]));
    },
    told: async () => JSON.stringify(await query(server.url, `SELECT * FROM "${schema}"._rollcall_runs ORDER BY run`)),
  };
};

describeSink('postgres', postgres);
describeDurableSink('postgres', postgres);
describeStateKeeper('postgres', postgres);
