import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Signals } from './signals';

/** A request to the tenant. Times are of `performance.now()`. */
export interface ProxiedRequest {
  url: string;
  receivedAt: number;
  /** When the complete response was sent, if its status was 200. */
  answeredAt?: number;
}

/** A proxy of an emulated tenant: it signals every request, can delay it, and can be stopped. */
export interface TenantProxy {
  url: string;
  /** Requests to the Management API, oldest first. */
  requests: ProxiedRequest[];
  /** Breaks all connections and refuses new ones. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** @param target origin of the tenant */
export async function startTenantProxy(target: string, { emit }: Signals): Promise<TenantProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const requests: ProxiedRequest[] = [];

  async function forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', method, headers } = incoming;
    const proxied: ProxiedRequest = { url, receivedAt: performance.now() };
    const isApiRequest = url.startsWith('/api/');
    if (isApiRequest) {
      requests.push(proxied);
      await emit('request');
    }
    const onward = request({ agent, hostname, port, path: url, method, headers }, (tenantResponse) => {
      const chunks: Buffer[] = [];
      tenantResponse.on('data', (chunk: Buffer) => chunks.push(chunk));
      tenantResponse.on('end', () => void respond(tenantResponse, Buffer.concat(chunks)));
    });
    async function respond({ statusCode = 502, headers: sent }: IncomingMessage, body: Buffer): Promise<void> {
      if (isApiRequest) await emit('response');
      if (response.destroyed) return;
      response.writeHead(statusCode, sent);
      response.end(body, () => {
        if (!isApiRequest) return;
        if (statusCode === 200) proxied.answeredAt = performance.now();
        void emit('answered');
      });
    }
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  }

  const server = createServer((incoming, response) => void forward(incoming, response));
  const listen = (at: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject).listen(at, '127.0.0.1', () => resolve());
    });
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${own}`,
    requests,
    stop,
    restart: () => listen(own),
    async close() {
      if (server.listening) await stop();
      agent.destroy();
    },
  };
}
