import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import type { TemporalConnection } from '../../src/temporal/connection';
import type { EmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { addSearchAttributes } from '../../src/temporal/register-search-attributes';
import { query } from './postgres/rows';
import type { PostgresServer } from './postgres/server';
import { until } from './wait';

/** Environment variables by which the suites of a run find its servers. */
export const servers = { temporal: 'ROLLCALL_TEST_TEMPORAL', postgres: 'ROLLCALL_TEST_POSTGRES' } as const;

/** What global-setup.ts leaves for global-teardown.ts. */
export interface RunningServers {
  temporal: EmbeddedServer;
  postgres: PostgresServer;
  logFolder: string;
}

/** A namespace of the run's Temporal server that one suite has for itself. */
export interface TestNamespace {
  address: string;
  namespace: string;
  /** Points a program to the namespace. */
  env: { TEMPORAL_ADDRESS: string; TEMPORAL_NAMESPACE: string };
}

/** Address of the Temporal server that all suites of a run share. */
export function getTemporalAddress(): string {
  return readAddress('temporal');
}

/** Makes a namespace on the run's Temporal server, with Rollcall's search attributes unless they are not wanted. Takes 50 ms. */
export async function createNamespace(options: { searchAttributes?: boolean } = {}): Promise<TestNamespace> {
  const address = getTemporalAddress();
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  // The client's own connection: a native one would fix the settings of the process's runtime.
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const client = new Client({ connection, namespace });
  // The parts of the server learn of a namespace one after the other.
  await until(() => isUsable(client), `the namespace ${namespace}`);
  if (options.searchAttributes ?? true) {
    const native = connection as unknown as TemporalConnection['native'];
    await addSearchAttributes({ client, native, namespace } as TemporalConnection);
  }
  await connection.close();
  return { address, namespace, env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } };
}

function isUsable(client: Client): Promise<boolean> {
  return client.workflow.count().then(
    () => true,
    () => false,
  );
}

/** Makes an empty database on the run's Postgres, for one suite. Answers its URL, with the superuser's made-up password. */
export async function createDatabase(): Promise<string> {
  const url = new URL(readAddress('postgres'));
  const name = `test_${randomUUID().slice(0, 8)}`;
  await query(url.href, `CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  return url.href;
}

function readAddress(server: keyof typeof servers): string {
  const address = process.env[servers[server]];
  if (address === undefined) throw new Error(`no ${server} server runs: this project has no global setup`);
  return address;
}
