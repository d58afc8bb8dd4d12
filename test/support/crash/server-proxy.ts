import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Signals } from './signals';

/** A proxy of a server that signals each chunk of data that clients send. */
export interface ServerProxy {
  port: number;
  close(): Promise<void>;
}

export async function startServerProxy(
  name: 'temporal' | 'postgres',
  port: number,
  { emit }: Signals,
): Promise<ServerProxy> {
  const sockets = new Set<Socket>();

  async function forward(chunk: Buffer, from: Socket, to: Socket): Promise<void> {
    from.pause();
    await emit(`${name} before`);
    if (!to.destroyed) to.write(chunk);
    await emit(`${name} after`);
    from.resume();
  }

  const server = createServer((client) => {
    const onward = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (chunk) => void forward(chunk, client, onward));
    onward.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
