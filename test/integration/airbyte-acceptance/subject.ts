/**
 * What Airbyte's connector acceptance tests ask of a source (connector_acceptance_test: test_core.py, test_full_refresh.py,
 * test_incremental.py), asked of the real program. Airbyte runs them against an image; these need none.
 */
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { AirbyteStream } from '../../../src/airbyte/messages';
import type { JsonObject } from '../../../src/json';
import { type Ended, run, writeJson } from '../../support/program';
import { configOf } from '../../support/compare-copy';
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

/** What a command wrote, each line of it checked against the protocol. */
export interface Said extends Ended {
  messages: Message[];
}

export interface ReadOptions {
  mode?: string;
  streams?: AirbyteStream[];
  state?: unknown;
  /** Ends a slice, and so brings a state, after each page. */
  byPage?: boolean;
}

/** The source, a tenant to read, and the catalog that it tells of. */
export interface Subject {
  tenant: Emulator;
  /** File of a configuration that works. */
  config: string;
  catalog: AirbyteStream[];
  write(value: unknown): string;
  read(options: ReadOptions): Promise<Said>;
  close(): Promise<void>;
}

export async function say(args: string[], env: Record<string, string> = {}): Promise<Said> {
  const ended = await run('source-auth0', args, { env });
  expect(ended.stderr).toBe('');
  const messages = ended.stdout.split(/(?<=\n)/).map((line) => parseMessage(line));
  return { ...ended, messages };
}

/** The one message of a type; that there is no second one is part of what is asked. */
export function onlyOne({ messages }: Said, type: string, body: string): unknown {
  const found = messages.filter((message) => message.type === type);
  expect(found).toHaveLength(1);
  return found[0]?.[body];
}

export function recordsIn(messages: Message[]): RecordMessage[] {
  return messages.filter(({ type }) => type === 'RECORD').map(({ record }) => record as RecordMessage);
}

/** Its files are put into the folder. */
export async function startSubject(folder: string): Promise<Subject> {
  let files = 0;
  const write = (value: unknown): string => writeJson(folder, `${(files += 1)}.json`, value);
  // Little enough to be read many times over, with lists of several pages and all that is odd about real users.
  const tenant = await startEmulator({
    scenario: {
      users: { count: 230, missingUpdatedAt: 4, ties: [{ size: 20 }] },
      organizations: { count: 6, members: 15, firstMemberCounts: [130, 0] },
      clients: { count: 120 },
      roles: { count: 6 },
    },
  });
  const config = write(configOf(tenant));
  const said = await say(['discover', '--config', config]);
  const { streams: catalog } = onlyOne(said, 'CATALOG', 'catalog') as { streams: AirbyteStream[] };
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
      return say(
        ['read', ...flags, ...(state === undefined ? [] : ['--state', write(state)])],
        byPage ? { ROLLCALL_FETCH_PAGES: '1' } : {},
      );
    },
    close: () => tenant.close(),
  };
}
