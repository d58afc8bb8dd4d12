import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Signals } from './signals';

/** Stands before a server and passes bytes on, telling of each piece that clients send. */
export interface Wire {
  port: number;
  close(): Promise<void>;
}

export async function startWire(name: 'temporal' | 'postgres', port: number, { emit }: Signals): Promise<Wire> {
  const sockets = new Set<Socket>();

  async function passOn(piece: Buffer, from: Socket, to: Socket): Promise<void> {
    from.pause();
    await emit(`${name} before`);
    if (!to.destroyed) to.write(piece);
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
    client.on('data', (piece) => void passOn(piece, client, onward));
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
