import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface ScriptedRequest {
  method: string;
  /** As sent, percent-encoded. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Sends a JSON response. */
  json(status: number, body: unknown, headers?: Record<string, string>): void;
  response: ServerResponse;
  socket: Socket;
}

export interface ScriptedServer {
  baseUrl: string;
  requests: ScriptedRequest[];
  /** Number of connections opened. */
  connections(): number;
  close(): Promise<void>;
}

/** Starts an HTTP server whose responses the test determines. */
export async function startScripted(answer: (request: ScriptedRequest) => void): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  let connections = 0;
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request: ScriptedRequest = {
        method: incoming.method ?? '',
        url: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
        json(status, body, headers = {}) {
          response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
        },
        response,
        socket: incoming.socket,
      };
      requests.push(request);
      answer(request);
    });
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
