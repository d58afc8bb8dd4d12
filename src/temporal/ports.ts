import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOPBACK = '127.0.0.1';

/**
 * Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections. Among those, a client that
 * keeps trying a server that is away can be given the server's own port, and is then connected to itself.
 */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_767;

/**
 * A TCP port of the loopback interface that nobody listens on. It is free now, not reserved: whoever uses it must be
 * ready to try another.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1);
    if (await isPortFree(port)) return port;
  }
}

/** Waits until nobody listens on the port, at most `milliseconds`; answers whether it is free. */
export async function waitUntilPortFree(port: number, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!(await isPortFree(port))) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Settles within one turn of the event loop. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, LOOPBACK, () => {
      // The call closes the socket; its callback would cost a turn of a loop that may be busy loading modules.
      probe.close();
      resolve(true);
    });
  });
}

/** True when something accepts connections on a port of the loopback interface. */
export function isPortListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
