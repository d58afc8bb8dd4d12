/**
 * The checks of Airbyte's connector acceptance tests (connector_acceptance_test: test_core.py, test_full_refresh.py,
 * test_incremental.py). Airbyte runs them on an image; these run the commands in this process.
 */
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { AirbyteStream } from '../../../src/airbyte/messages';
import type { JsonObject } from '../../../src/json';
import { type CliResult, runCli } from '../../support/cli';
import { configOf } from '../../support/compare-copy';
import { writeJson } from '../../support/program';
import { createNamespace } from '../../support/servers';
import { parseMessage } from '../../unit/airbyte/protocol/validator';

type Message = ReturnType<typeof parseMessage>;
export interface RecordMessage {
  stream: string;
  emitted_at: number;
  data: JsonObject;
}
export interface StateMessage {
  stream: { stream_descriptor: { name: string }; stream_state: JsonObject };
}

/** The output of a command. Each line was checked against the protocol. */
export interface Answer extends CliResult {
  messages: Message[];
}

export interface ReadOptions {
  mode?: string;
  streams?: AirbyteStream[];
  state?: unknown;
  /** Ends a fetch, and so writes a state, after each page. */
  byPage?: boolean;
}

/** The source, a tenant to read, and the catalog that it discovers. */
export interface Subject {
  tenant: Emulator;
  /** File with a valid configuration. */
  config: string;
  catalog: AirbyteStream[];
  write(value: unknown): string;
  read(options: ReadOptions): Promise<Answer>;
  close(): Promise<void>;
}

export async function runSource(args: string[], env: Record<string, string> = {}): Promise<Answer> {
  const ended = await runCli(args, { program: 'source-auth0', env });
  expect(ended.stderr).toBe('');
  const messages = ended.stdout.split(/(?<=\n)/).map((line) => parseMessage(line));
  return { ...ended, messages };
}

/** The only message of a type; a second one fails the test. */
export function getOnly({ messages }: Answer, type: string, body: string): unknown {
  const found = messages.filter((message) => message.type === type);
  expect(found).toHaveLength(1);
  return found[0]?.[body];
}

export function recordsIn(messages: Message[]): RecordMessage[] {
  return messages.filter(({ type }) => type === 'RECORD').map(({ record }) => record as RecordMessage);
}

/** Starts a tenant, and discovers its catalog. Files are written into the folder. */
export async function startSubject(folder: string): Promise<Subject> {
  let files = 0;
  const { env } = await createNamespace();
  const write = (value: unknown): string => writeJson(folder, `${(files += 1)}.json`, value);
  // Small, because it is read often, with lists of several pages and every irregularity of real users.
  const tenant = await startEmulator({
    scenario: {
      users: { count: 230, missingUpdatedAt: 4, ties: [{ size: 20 }] },
      organizations: { count: 6, members: 15, firstMemberCounts: [130, 0] },
      clients: { count: 120 },
      roles: { count: 6 },
    },
  });
  const config = write(configOf(tenant));
  const answer = await runSource(['discover', '--config', config]);
  const { streams: catalog } = getOnly(answer, 'CATALOG', 'catalog') as { streams: AirbyteStream[] };
  return {
    tenant,
    config,
    catalog,
    write,
    read({ mode = 'full_refresh', streams = catalog, state, byPage }) {
      const configured = streams.map((stream) => ({
        stream,
        sync_mode: mode,
        destination_sync_mode: 'append_dedup',
      }));
      const flags = ['--config', config, '--catalog', write({ streams: configured })];
      return runSource(['read', ...flags, ...(state === undefined ? [] : ['--state', write(state)])], {
        ...env,
        ...(byPage && { ROLLCALL_FETCH_PAGES: '1' }),
      });
    },
    close: () => tenant.close(),
  };
}
