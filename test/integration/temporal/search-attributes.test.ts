import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { type EmbeddedServer, startEmbeddedServer } from '../../../src/temporal/embedded-server/embedded-server';
import {
  addSearchAttributes,
  findMissingSearchAttributes,
  knowsSearchAttributes,
} from '../../../src/temporal/register-search-attributes';
import { installRuntime } from '../../../src/temporal/runtime';
import { temporalBinary } from '../../support/embedded-servers';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();
const all = ['RollcallConnection', 'RollcallStatus', 'RollcallMode', 'RollcallRows'];
const open = new Set<TemporalConnection>();
let server: EmbeddedServer;

beforeAll(async () => {
  installRuntime({ log: () => undefined });
  server = await startEmbeddedServer({
    binary: temporalBinary,
    logFile: join(scratch, 'log'),
    databaseFile: join(scratch, 'db'),
  });
});
afterAll(async () => {
  await Promise.all([...open].map((each) => each.close()));
  await server.stop();
});

async function connectTo(namespace: string): Promise<TemporalConnection> {
  const connection = await connect({ address: server.address, namespace });
  open.add(connection);
  return connection;
}

/** A namespace that was made after the server had come up has none of the attributes. */
async function newNamespace(name: string): Promise<TemporalConnection> {
  const { native } = await connectTo('default');
  await native.workflowService.registerNamespace({
    namespace: name,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const connection = await connectTo(name);
  for (let tries = 0; tries < 300; tries += 1) {
    try {
      await findMissingSearchAttributes(connection);
      return connection;
    } catch {
      await sleep(100);
    }
  }
  throw new Error('the server does not know its new namespace');
}

it('an embedded server knows the search attributes, also after a restart', async () => {
  const connection = await connectTo('default');
  expect(await findMissingSearchAttributes(connection)).toEqual([]);
  await connection.close();
  open.delete(connection);
  await server.stop();
  server = await startEmbeddedServer({
    binary: temporalBinary,
    logFile: join(scratch, 'log'),
    databaseFile: join(scratch, 'db'),
  });
  const again = await connectTo('default');
  expect(await knowsSearchAttributes(again)).toBe(true);
});

it('adds missing search attributes, and changes nothing when they are added again', async () => {
  const connection = await newNamespace('without');
  expect(await findMissingSearchAttributes(connection)).toEqual(all);
  expect(await knowsSearchAttributes(connection)).toBe(false);
  await addSearchAttributes(connection);
  expect(await findMissingSearchAttributes(connection)).toEqual([]);
  await addSearchAttributes(connection);
});

it('leaves existing search attributes unchanged', async () => {
  const connection = await newNamespace('some');
  const { native, namespace } = connection;
  await native.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries([
      ['RollcallStatus', 2],
      ['RollcallRows', 3],
    ]),
  });
  for (let tries = 0; tries < 300; tries += 1) {
    if ((await findMissingSearchAttributes(connection)).length === 2) break;
    await sleep(100);
  }
  expect(await findMissingSearchAttributes(connection)).toEqual(['RollcallConnection', 'RollcallMode']);
  await addSearchAttributes(connection);
  expect(await findMissingSearchAttributes(connection)).toEqual([]);
});

it('assumes that a server without an answer knows no search attributes', async () => {
  const connection = await connectTo('default');
  await connection.close();
  open.delete(connection);
  expect(await knowsSearchAttributes(connection)).toBe(false);
  await expect(findMissingSearchAttributes(connection)).rejects.toThrow();
});
