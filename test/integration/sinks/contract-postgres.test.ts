import type { StreamState } from '../../../src/protocol';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import { createPostgresStateStore } from '../../../src/sinks/postgres/state-store';
import { query, recordsIn } from '../../support/postgres/rows';
import { describeDurableSink } from '../../support/contract/durable-sink';
import { describeSink } from '../../support/contract/sink';
import { createDatabase } from '../../support/servers';
import { describeStateKeeper, type BeginKeptSink } from '../../support/contract/state-keeper';

let url: string;
beforeAll(async () => (url = await createDatabase()));

let destinations = 0;

const postgres: BeginKeptSink = ({ staging }) => {
  destinations += 1;
  const schema = `acme-${destinations}`;
  return {
    keeper: () => createPostgresStateStore({ url, schema }),
    open: () => Promise.resolve(createPostgresSink({ url, schema, staging })),
    held: (stream) => recordsIn(url, schema, stream),
    async states() {
      const sql = `SELECT stream, state FROM "${schema}"._rollcall_streams WHERE state IS NOT NULL`;
      const rows = await query<{ stream: string; state: StreamState }>(url, sql);
      return Object.fromEntries(rows.map(({ stream, state }) => [stream, state]));
    },
    told: async () => JSON.stringify(await query(url, `SELECT * FROM "${schema}"._rollcall_runs ORDER BY run`)),
  };
};

describeSink('postgres', postgres);
describeDurableSink('postgres', postgres);
describeStateKeeper('postgres', postgres);
