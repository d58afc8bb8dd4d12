import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { parseConfiguredCatalog } from '../../src/airbyte/catalog';
import { parseState, readCursor } from '../../src/airbyte/stream-state';
import { readJsonObject, readStateFile } from '../../src/config/parsed-file';
import { parseSourceConfig } from '../../src/config/source';
import type { Json, JsonObject } from '../../src/json';
import { streams } from '../../src/streams/registry';
import { parseMessage } from '../unit/airbyte/protocol/validator';
import { runCli } from './cli';
import { catalogFor, configOf } from './compare-copy';
import { messagesOf, tracedErrors, writeJson } from './program';
import { anyDamage } from './simulation/damage';

export const seed = 20_240_131;

export type FileKind = 'config' | 'catalog' | 'state';

/** The files of a read, and the tenant that they are for. */
export interface SourceFiles {
  tenant: Emulator;
  contents: { config: JsonObject; catalog: JsonObject; state: JsonObject[] };
  /** Undamaged. */
  paths: Record<FileKind, string>;
  write(content: Buffer): string;
  /** Damaged files; `accepted` and `rejected` are their numbers. */
  sample(kind: FileKind, counts: { accepted: number; rejected: number }): Promise<DamagedFile[]>;
}

export interface DamagedFile {
  path: string;
  /** Whether the damage leaves a file that can be used. */
  isAccepted: boolean;
}

/** Starts a tenant, and reads it to get states with a resume point in a search and in two lists. */
export async function createSourceFiles(folder: string): Promise<SourceFiles> {
  const tenant = await startEmulator({
    scenario: {
      users: { count: 250, missingUpdatedAt: 2 },
      clients: { count: 250 },
      organizations: { count: 250, members: 0 },
      roles: { count: 0 },
    },
  });
  const config = { ...configOf(tenant), start_date: null, lookback_seconds: 60, roles: { source: 'inline' } };
  const catalog = catalogFor(['users', 'clients', 'organizations'], { sync_mode: 'incremental', sync_id: 7 });
  const paths = {
    config: writeJson(folder, 'config.json', config),
    catalog: writeJson(folder, 'catalog.json', catalog),
    state: join(folder, 'state.json'),
  };
  const args = ['read', '--config', paths.config, '--catalog', paths.catalog];
  const { stdout } = await runCli(args, { program: 'source-auth0', env: { ROLLCALL_FETCH_PAGES: '1' } });
  const unfinished = messagesOf(stdout)
    .filter((message) => message['type'] === 'STATE' && JSON.stringify(message).includes('"finished":false'))
    .map(({ state }) => state as { stream: { stream_descriptor: { name: string } } });
  const state = ['users', 'clients', 'organizations'].map((name) => {
    const found = unfinished.find(({ stream }) => stream.stream_descriptor.name === name);
    if (!found) throw new Error(`the read has no unfinished state of ${name}`);
    return found;
  });
  writeFileSync(paths.state, JSON.stringify(state));
  const contents = { config, catalog, state };

  let files = 0;
  const write = (content: Buffer): string => {
    const path = join(folder, `damaged-${(files += 1)}.json`);
    writeFileSync(path, content);
    return path;
  };
  async function sample(kind: FileKind, counts: { accepted: number; rejected: number }): Promise<DamagedFile[]> {
    const left = { ...counts };
    const chosen: DamagedFile[] = [];
    for (const content of fc.sample(anyDamage(contents[kind] as Json), { seed, numRuns: 200 })) {
      const path = write(content);
      const isAccepted = await accepts(kind, path);
      const verdict = isAccepted ? 'accepted' : 'rejected';
      if (left[verdict] > 0) chosen.push({ path, isAccepted });
      left[verdict] -= 1;
    }
    expect(chosen).toHaveLength(counts.accepted + counts.rejected);
    return chosen;
  }
  return { tenant, contents, paths, write, sample };
}

/** Parses a file as the source does. */
const parsers: Record<FileKind, (path: string) => Promise<void>> = {
  async config(path) {
    const { baseUrl, credentials } = parseSourceConfig(await readJsonObject('--config', path, '/'));
    expect(new URL(baseUrl).origin).toBe(baseUrl);
    expect(Object.values(credentials).filter((value) => typeof value !== 'string' || value === '')).toEqual([]);
  },
  async catalog(path) {
    const parsed = parseConfiguredCatalog(await readJsonObject('--catalog', path, '/'), streams);
    expect(parsed.streams.length + parsed.problems.length).toBeGreaterThan(0);
    for (const { message } of parsed.problems) expect(message).toMatch(/\. [A-Z].*\.$/);
  },
  async state(path) {
    for (const each of Object.values(parseState(await readStateFile('--state', path, '/')))) {
      const reading = readCursor(each, 'updated_at');
      expect(Object.keys(reading).filter((key) => key !== 'cursor' && key !== 'problem')).toEqual([]);
    }
  },
};

/** Whether the source accepts a file. The error of a rejected file must contain what is wrong, where, and what to do. */
export async function accepts(kind: FileKind, path: string): Promise<boolean> {
  try {
    await parsers[kind](path);
    return true;
  } catch (error) {
    const { name, message, where, nextStep } = error as Error & { where?: string; nextStep?: string };
    expect(['ConfigError', 'CatalogError', 'StateError']).toContain(name);
    expect(typeof where).toBe('string');
    expect(nextStep).toMatch(/^[A-Z].*\.$/);
    expect(message.endsWith(`. ${nextStep}`)).toBe(true);
    return false;
  }
}

/** Expects complete protocol messages, no stack trace, and either an answer or an error that explains why there is none. */
export function expectAnswer(
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
  isAccepted: boolean,
  answer: string,
): void {
  expect(stderr).toBe('');
  for (const line of stdout.split(/(?<=\n)/)) parseMessage(line);
  expect(stdout).not.toContain('stack_trace');
  // A file that is accepted can still have an invalid stream.
  expect(isAccepted ? [0, 2, 3] : [2]).toContain(code);
  if (code === 0) expect(stdout).toContain(answer);
  const errors = tracedErrors(stdout);
  expect(errors.length > 0).toBe(code !== 0);
  for (const error of errors) expect(error).toMatchObject({ failure_type: 'config_error' });
}
