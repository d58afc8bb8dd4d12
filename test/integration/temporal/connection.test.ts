import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect } from '../../../src/temporal/connection';
import { findFreePort, startEmbeddedServer } from '../../../src/temporal/embedded-server/embedded-server';
import { installRuntime } from '../../../src/temporal/runtime';
import { temporalBinary } from '../../support/embedded-servers';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();
const namespace = 'default';

beforeAll(() => installRuntime());

it('names the address of an unreachable server and what to do', async () => {
  const address = `127.0.0.1:${await findFreePort()}`;
  const connecting = connect({ address, namespace }, { timeoutMs: 200 });
  await expect(connecting).rejects.toMatchObject({ name: 'TemporalUnreachable' });
  await expect(connecting).rejects.toThrow(new RegExp(`${address}.*TEMPORAL_ADDRESS`));
});

it('times out on a server that accepts connections and never answers', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const started = performance.now();
  const connecting = connect({ address: `127.0.0.1:${port}`, namespace }, { timeoutMs: 300 });
  await expect(connecting).rejects.toThrow(/the connection attempt timed out/);
  expect(performance.now() - started).toBeLessThan(10_000);
  sockets.forEach((socket) => socket.destroy());
  silent.close();
});

it('rejects at once with the reason of its signal', async () => {
  const address = `127.0.0.1:${await findFreePort()}`;
  const connecting = connect({ address, namespace }, { signal: AbortSignal.abort(new Error('server gone')) });
  await expect(connecting).rejects.toThrow('server gone');
});

it('waits for a server that is starting', async () => {
  const port = await findFreePort();
  const connecting = connect({ address: `127.0.0.1:${port}`, namespace });
  const server = await startEmbeddedServer({ binary: temporalBinary, logFile: join(scratch, 'log'), port });
  const connection = await connecting;
  await expect(connection.client.workflow.count()).resolves.toMatchObject({ count: 0 });
  await connection.close();
  await server.stop();
});
