import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/** A certificate for temporal.download, and the authority that signed it; that one's key is destroyed. */
const FIXTURES = join(__dirname, 'fixtures', 'release-server');

export type ReleaseBehavior = 'serve' | 'refuse' | 'silence' | 'stall';

/** Stands in for temporal.download, behind a proxy on loopback: nothing leaves the machine. */
export interface ReleaseServer {
  /** Variables that lead a download here. */
  env: Record<string, string>;
  /** Hosts that the proxy was asked for, and paths that the release server was. */
  asked: string[];
  behavior: ReleaseBehavior;
  close(): void;
}

/** Serves `binary` as the release's archive. */
export async function startReleaseServer(binary: string): Promise<ReleaseServer> {
  const archive = packArchive(binary);
  const sockets = new Set<Duplex>();
  const answer: RequestListener = (request, response) => {
    server.asked.push(request.url ?? '');
    if (request.url?.startsWith('/cli/')) {
      const info = { archiveUrl: 'https://temporal.download/release.tar.gz', fileToExtract: 'temporal' };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(info));
    } else if (server.behavior === 'stall') response.write(archive.subarray(0, archive.length / 2));
    else response.end(archive);
  };
  const certificate = {
    key: readFileSync(join(FIXTURES, 'server.key')),
    cert: readFileSync(join(FIXTURES, 'server.pem')),
  };
  const releases = await listen(createTlsServer(certificate, answer));
  const proxy = createServer().on('connect', ({ url = '' }, client) => {
    server.asked.push(url);
    sockets.add(client.on('error', () => undefined));
    if (server.behavior === 'refuse') client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    if (server.behavior === 'silence' || server.behavior === 'refuse') return;
    const upstream = connect(releases.port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream.on('error', () => undefined));
  });
  const { port } = await listen(proxy);
  const server: ReleaseServer = {
    env: { HTTPS_PROXY: `http://127.0.0.1:${port}`, SSL_CERT_FILE: join(FIXTURES, 'authority.pem') },
    asked: [],
    behavior: 'serve',
    close() {
      for (const socket of sockets) socket.destroy();
      releases.server.close();
      proxy.close();
    },
  };
  return server;
}

async function listen<S extends Server>(server: S): Promise<{ server: S; port: number }> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

function packArchive(binary: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  try {
    writeFileSync(join(folder, 'temporal'), binary, { mode: 0o755 });
    return execFileSync('tar', ['czf', '-', '-C', folder, 'temporal']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
