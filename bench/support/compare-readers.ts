import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/json';
import { parseMessages, type PrimaryKeys } from './compare-rows';
import type { LoopTask } from './loop-program';
import { type Address, commandFor, writeProject } from './project';
import { connectSdk } from './sdk-lists';

const root = join(__dirname, '..', '..');

export interface ReadTask {
  tenant: Address;
  /** A folder for the reader's files. */
  folder: string;
  /** STATE messages of an earlier run. */
  states: readonly JsonObject[];
  /** The file that rows are written to. Standard output goes to it as well. */
  output: string;
}

export interface PreparedRead {
  command: string[];
  /** Absent for a reader that declares none. */
  keys?: PrimaryKeys;
  /** A folder of files that several runs add to; default: the task's `output`, which each run replaces. */
  destination?: string;
}

/** A program that reads all streams of a tenant. */
export interface Reader {
  name: string;
  /** Writes the files that the command needs. May send requests. */
  prepare(task: ReadTask): Promise<PreparedRead>;
}

const sourceAuth0 = [process.execPath, join(root, 'bin', 'source-auth0')];

/** `rollcall sync` into files, in its default configuration. */
export const rollcallSync: Reader = {
  name: '`rollcall sync`',
  prepare: async (task) => {
    const { folder, tenant } = task;
    await writeProject(folder, tenant);
    const { keys } = await prepareAirbyteRead(sourceAuth0, signIn(tenant), task);
    const command = [process.execPath, join(root, 'bin', 'rollcall'), 'sync', 'acme', '--json'];
    return { command, ...(keys && { keys }), destination: join(folder, 'data') };
  },
};

/** `source-auth0 read` in its default configuration. */
export const rollcallRead: Reader = {
  name: '`source-auth0 read`',
  prepare: (task) => prepareAirbyteRead(sourceAuth0, signIn(task.tenant), task),
};

/** A loop of Auth0's own SDK, one request at a time. */
export const sdkLoop: Reader = {
  name: 'SDK loop',
  prepare: ({ tenant: { url, clientId, clientSecret }, output }) => {
    const tenant = { url, clientId, clientSecret };
    const task: LoopTask = { by: 'sdk', tenant, parallel: 1, file: output, warm: false };
    const [program, args] = commandFor('loop-program', task);
    return Promise.resolve({ command: [program, ...args] });
  },
};

/** Airbyte's own connector. It signs in with a token that is fetched for it: see `checkSignIn`. */
export function airbyteConnector(command: string[]): Reader {
  return {
    name: "Airbyte's connector",
    prepare: async (task) => {
      const credentials = { auth_type: 'oauth2_access_token', access_token: await fetchToken(task.tenant) };
      return prepareAirbyteRead(command, credentials, task);
    },
  };
}

/** Runs `check` with the client ID and secret. Returns why it fails, or undefined when it succeeds. */
export async function checkSignIn(command: string[], tenant: Address, folder: string): Promise<string | undefined> {
  const config = await writeConfig(folder, tenant, signIn(tenant));
  const messages = await runVerb([...command, 'check', '--config', config], folder);
  const status = messages.find(({ type }) => type === 'CONNECTION_STATUS')?.['connectionStatus'] as
    JsonObject | undefined;
  if (status?.['status'] === 'SUCCEEDED') return undefined;
  return typeof status?.['message'] === 'string' ? status['message'] : 'no answer';
}

/** Reads users by the SDK's own paging. Returns how many it gives, and the error that ends it. */
export async function readUsersByPaging(tenant: Address): Promise<{ users: number; error?: string }> {
  let users = 0;
  try {
    for await (const _ of await connectSdk(tenant).users.list({ per_page: 100 })) users += 1;
    return { users };
  } catch (error) {
    return { users, error: (error as Error).message };
  }
}

/** The command of Airbyte's connector, which is installed if needed. Absent if it cannot be: stderr says why. */
export function provideConnector(): string[] | undefined {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts', 'airbyte-connector.mjs')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return status === 0 ? [stdout.trim(), join(root, 'test', 'airbyte-consumers', 'incumbent.py')] : undefined;
}

function signIn({ url, clientId, clientSecret }: Address): JsonObject {
  const application = { client_id: clientId, client_secret: clientSecret, audience: `${url}/api/v2/` };
  return { auth_type: 'oauth2_confidential_application', ...application };
}

async function fetchToken({ url, clientId, clientSecret }: Address): Promise<string> {
  const application = { client_id: clientId, client_secret: clientSecret, audience: `${url}/api/v2/` };
  const answer = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', ...application }),
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  return access_token;
}

interface CatalogStream {
  name: string;
  supported_sync_modes: string[];
  default_cursor_field?: string[];
  source_defined_primary_key?: string[][];
}

/** Configures what the source offers in `discover`: `users` incrementally if it can, one `sync_id` for all runs. */
async function prepareAirbyteRead(command: string[], credentials: JsonObject, task: ReadTask): Promise<PreparedRead> {
  const { folder, tenant, states } = task;
  const config = await writeConfig(folder, tenant, credentials);
  const messages = await runVerb([...command, 'discover', '--config', config], folder);
  const found = messages.find(({ type }) => type === 'CATALOG')?.['catalog'] as unknown as { streams: CatalogStream[] };
  const streams = found.streams.map((stream) => {
    const incremental = stream.supported_sync_modes.includes('incremental');
    return {
      stream,
      sync_mode: incremental ? 'incremental' : 'full_refresh',
      destination_sync_mode: incremental ? 'append_dedup' : 'overwrite',
      cursor_field: stream.default_cursor_field ?? [],
      primary_key: stream.source_defined_primary_key ?? [],
      generation_id: 1,
      minimum_generation_id: incremental ? 0 : 1,
      sync_id: 1,
    };
  });
  const files = ['--config', config, '--catalog', await writeJson(folder, 'catalog', { streams })];
  if (states.length > 0) files.push('--state', await writeJson(folder, 'state', states));
  const keys = found.streams.map(({ name, source_defined_primary_key: key = [] }) => [
    name,
    key.map(([field = '']) => field),
  ]);
  return { command: [...command, 'read', ...files], keys: Object.fromEntries(keys) as PrimaryKeys };
}

/** The connector needs the slash at the end. */
function writeConfig(folder: string, { url }: Address, credentials: JsonObject): Promise<string> {
  return writeJson(folder, 'config', { base_url: `${url}/`, credentials });
}

async function writeJson(folder: string, name: string, value: unknown): Promise<string> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(value));
  return file;
}

/** Runs a short verb of an Airbyte source. Its exit code does not matter: its messages are the answer. */
function runVerb([program = '', ...args]: string[], cwd: string): Promise<JsonObject[]> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, maxBuffer: 50e6, timeout: 120_000 }, (_, stdout) => resolve(parseMessages(stdout)));
  });
}
