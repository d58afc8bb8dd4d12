import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Signals } from './signals';

/** A request to the tenant, as it came by. Times are of `performance.now()`. */
export interface Passage {
  url: string;
  askedAt: number;
  /** When its whole answer had been passed on, if it was 200. */
  answeredAt?: number;
}

/** Stands before an emulated tenant: sees every request, can hold it up, and can be away. */
export interface Front {
  url: string;
  /** Requests to the Management API, in the order of their coming. */
  passages: Passage[];
  /** Breaks all connections off and refuses new ones. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** @param target origin of the tenant */
export async function startFront(target: string, { emit }: Signals): Promise<Front> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const passages: Passage[] = [];

  async function pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { url = '', method, headers } = incoming;
    const passage: Passage = { url, askedAt: performance.now() };
    const counts = url.startsWith('/api/');
    if (counts) {
      passages.push(passage);
      await emit('asked');
    }
    const onward = request({ agent, hostname, port, path: url, method, headers }, (incomingAnswer) => {
      const chunks: Buffer[] = [];
      incomingAnswer.on('data', (chunk: Buffer) => chunks.push(chunk));
      incomingAnswer.on('end', () => void finish(incomingAnswer, Buffer.concat(chunks)));
    });
    async function finish({ statusCode = 502, headers: answered }: IncomingMessage, body: Buffer): Promise<void> {
      if (counts) await emit('answering');
      if (answer.destroyed) return;
      answer.writeHead(statusCode, answered);
      answer.end(body, () => {
        if (!counts) return;
        if (statusCode === 200) passage.answeredAt = performance.now();
        void emit('answered');
      });
    }
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  }

  const server = createServer((incoming, answer) => void pass(incoming, answer));
  const listen = (at: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject).listen(at, '127.0.0.1', () => resolve());
    });
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  const leave = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${own}`,
    passages,
    leave,
    comeBack: () => listen(own),
    async close() {
      if (server.listening) await leave();
      agent.destroy();
    },
  };
}
