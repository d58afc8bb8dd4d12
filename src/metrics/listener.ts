import { createServer, type ServerResponse } from 'node:http';
import { formatListenAddress, type ListenAddress } from '../config/environment';
import { ConfigError } from '../errors';

export interface MonitoredProcess {
  /** All metrics in Prometheus' text format. */
  formatMetrics(): Promise<string>;
  /** Why the process accepts no work; undefined when it does. */
  explainUnready(): Promise<string | undefined>;
}

export interface Listener {
  /** `http://host:port`. */
  url: string;
  close(): Promise<void>;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const prometheusText = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Serves `/metrics`, `/healthz` (200 while the event loop runs) and `/readyz` (503 with the reason while the process
 * accepts no work). Responses name connections and streams, and nothing else of a tenant.
 * @throws ConfigError when it cannot listen on the address
 */
export async function startListener(address: ListenAddress, monitored: MonitoredProcess): Promise<Listener> {
  const routes: Record<string, (response: ServerResponse) => void | Promise<void>> = {
    '/metrics': async (response) => sendText(response, 200, await monitored.formatMetrics(), prometheusText),
    '/healthz': (response) => sendText(response, 200, 'alive\n'),
    '/readyz': async (response) => {
      const reason = await monitored.explainUnready();
      sendText(response, reason === undefined ? 200 : 503, reason === undefined ? 'ready\n' : `not ready: ${reason}\n`);
    },
  };
  const server = createServer((request, response) => {
    const route = routes[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (!route) return sendText(response, 404, `Not found. Available paths: ${Object.keys(routes).join(', ')}.\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'GET only.\n');
    Promise.resolve(route(response)).catch((error: unknown) => {
      sendText(response, 503, `${error instanceof Error ? error.message : 'no answer'}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'the address is in use' : `system error ${error.code ?? ''}`;
      const what = `cannot listen on ${formatListenAddress(address)}: ${reason}`;
      reject(new ConfigError(what, 'ROLLCALL_LISTEN, or --listen', 'Use another address.'));
    });
    server.listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  return {
    url: `http://${formatListenAddress({ ...address, port })}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendText(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
