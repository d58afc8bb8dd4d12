/**
 * The files that a source is given, damaged in every way that a disk, a hand or another program damages files. None may
 * end in a stack trace, a hang, half a line, or an exit code of 0 with nothing done. Most cases are tried in this process,
 * where files are read and understood; some with the real program.
 */
import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { parseConfiguredCatalog } from '../../src/airbyte/catalog';
import { parseState, readCursor } from '../../src/airbyte/stream-state';
import type { ListRequest } from '../../src/auth0/request';
import { readJsonObject, readStateFile } from '../../src/config/parsed-file';
import { parseSourceConfig } from '../../src/config/source';
import type { Json, JsonObject } from '../../src/json';
import { createListReader, createParentsReader } from '../../src/streams/list-readers';
import { getStream } from '../../src/streams/registry';
import { streams } from '../../src/streams/registry';
import { readResumePoint } from '../../src/streams/resume-point';
import { createSearchReader } from '../../src/streams/search-reader';
import type { Reader } from '../../src/streams/stream-reader';
import { createNamespace, type TestNamespace } from '../support/servers';
import { parseMessage } from '../unit/airbyte/protocol/validator';
import { type Ended, messagesOf, run, start, streamsThatAre, tracedErrors, writeJson } from '../support/program';
import { catalogFor, configOf } from '../support/compare-copy';
import { changedValue, damagedFile } from '../support/simulation/damage';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(180_000);

const seed = 20_240_131;
/** By kind of file: so many in this process; and with the real program so many that are taken, which take their time, and refused. */
const cases = { here: 1_000, taken: 3, refused: 12 };

const folder = scratchFolder();
let files = 0;
let tenant: Emulator;
/** One for all: to start one takes longer than such a read. */
let temporal: TestNamespace;
let config: JsonObject;
const catalog = catalogFor(['users', 'clients', 'organizations'], { sync_mode: 'incremental', sync_id: 7 });
/** The states of a read that was broken off: places in a search and in two lists. */
let state: JsonObject[];

/** Runs the program to its end; a hang fails the test. */
async function ended(args: string[]): Promise<Pick<Ended, 'code' | 'stdout'>> {
  const { child, ended: end } = start('source-auth0', args, { env: { ...temporal.env } });
  const patience = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const { code, signal, stdout, stderr } = await end;
  clearTimeout(patience);
  expect({ signal, stderr }).toEqual({ signal: null, stderr: '' });
  for (const line of stdout.split(/(?<=\n)/)) parseMessage(line);
  expect(stdout).not.toContain('stack_trace');
  return { code, stdout };
}

beforeAll(async () => {
  temporal = await createNamespace();
  tenant = await startEmulator({
    scenario: {
      users: { count: 250, missingUpdatedAt: 2 },
      clients: { count: 250 },
      organizations: { count: 250, members: 0 },
      roles: { count: 0 },
    },
  });
  config = { ...configOf(tenant), start_date: null, lookback_seconds: 60, roles: { source: 'inline' } };
  const args = ['--config', writeJson(folder, 'config.json', config)];
  args.push('--catalog', writeJson(folder, 'catalog.json', catalog));
  const { stdout } = await run('source-auth0', ['read', ...args], { env: { ROLLCALL_FETCH_PAGES: '1' } });
  const unfinished = messagesOf(stdout)
    .filter(({ type, state: told }) => type === 'STATE' && JSON.stringify(told).includes('"finished":false'))
    .map(({ state: told }) => told as { stream: { stream_descriptor: { name: string } } });
  state = ['users', 'clients', 'organizations'].map(
    (name) => unfinished.find(({ stream }) => stream.stream_descriptor.name === name) as unknown as JsonObject,
  );
  expect(state.filter((each) => each !== undefined)).toHaveLength(3);
});
afterAll(async () => {
  await tenant.close();
});

function fileOf(content: Buffer, name = String((files += 1))): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, content);
  return file;
}

/** Whether a file is taken; what refuses it must be said in full: what, where, and what to do. */
async function isTaken(file: string, take: (file: string) => Promise<unknown>): Promise<boolean> {
  try {
    await take(file);
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

const takeConfig = async (file: string): Promise<void> => {
  const { baseUrl, credentials } = parseSourceConfig(await readJsonObject('--config', file, '/'));
  expect(new URL(baseUrl).origin).toBe(baseUrl);
  expect(Object.values(credentials).filter((value) => typeof value !== 'string' || value === '')).toEqual([]);
};
const takeCatalog = async (file: string): Promise<void> => {
  const { streams: chosen, problems } = parseConfiguredCatalog(await readJsonObject('--catalog', file, '/'), streams);
  expect(chosen.length + problems.length).toBeGreaterThan(0);
  for (const { message } of problems) expect(message).toMatch(/\. [A-Z].*\.$/);
};
const takeState = async (file: string): Promise<void> => {
  for (const each of Object.values(parseState(await readStateFile('--state', file, '/')))) {
    const reading = readCursor(each, 'updated_at');
    expect(Object.keys(reading).filter((key) => key !== 'cursor' && key !== 'problem')).toEqual([]);
  }
};

/** What is done with each kind of file in this process. */
const kinds = [
  ['configuration', () => config, takeConfig],
  ['configured catalog', () => catalog, takeCatalog],
  ['state', () => state, takeState],
] as const;

it.each(kinds)(
  'any damaged %s is taken, or refused with what is wrong, where, and what to do',
  async (_, good, take) => {
    const counts = { taken: 0, refused: 0 };
    const property = fc.asyncProperty(damagedFile(good() as Json), async (content) => {
      counts[(await isTaken(fileOf(content, 'tried'), take)) ? 'taken' : 'refused'] += 1;
    });
    await fc.assert(property, { seed, numRuns: cases.here });
    // Damage that always or never matters would try nothing.
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(cases.here / 20);
  },
);

/** The request that each reader would send next from the resume point of a state; undefined when there is none. */
function nextRequests(saved: Json): (ListRequest | undefined)[] | undefined {
  const [[, own] = []] = Object.entries(parseState([saved]));
  const point = own && readResumePoint(own);
  if (point?.kind === 'parents') {
    const reader = createParentsReader(getStream('organizations'), true);
    return [reader.next(point.cursor ?? reader.start())];
  }
  return point?.partitions.map(({ task: part, cursor }) => {
    const reader: Reader<Json> =
      part.kind === 'search' ? createSearchReader(part) : createListReader(getStream('clients'));
    return reader.next((cursor as Json) ?? reader.start());
  });
}

it.each([0, 1, 2])('a damaged state is gone on from only where there is something left to read (%#)', (nth) => {
  const counts = { on: 0, anew: 0 };
  const property = fc.property(changedValue(state[nth]!), (changed) => {
    let requests: ReturnType<typeof nextRequests>;
    try {
      requests = nextRequests(changed);
    } catch (error) {
      expect((error as Error).name).toBe('StateError');
      return;
    }
    counts[requests ? 'on' : 'anew'] += 1;
    if (!requests || JSON.stringify(changed).includes('"finished":true')) return;
    expect(requests).not.toEqual([]);
    expect(requests).not.toContain(undefined);
  });
  fc.assert(property, { seed, numRuns: cases.here });
  expect(Math.min(counts.on, counts.anew)).toBeGreaterThan(cases.here / 20);
});

describe('the real program', () => {
  /** What must be so of every end: something was done, or it is said why not. One stream may be at fault in a file that is taken. */
  function expectSaid({ code, stdout }: Pick<Ended, 'code' | 'stdout'>, taken: boolean, done: string): void {
    expect(taken ? [0, 2, 3] : [2]).toContain(code);
    if (code === 0) expect(stdout).toContain(done);
    const errors = tracedErrors(stdout);
    expect(errors.length > 0).toBe(code !== 0);
    for (const error of errors) expect(error).toMatchObject({ failure_type: 'config_error' });
  }

  /** Damaged files, of which some are taken by `take` and some are not. */
  async function damaged(good: Json, take: (file: string) => Promise<unknown>) {
    const chosen = { taken: [] as string[], refused: [] as string[] };
    for (const content of fc.sample(damagedFile(good), { seed, numRuns: 200 })) {
      const file = fileOf(content);
      const kind = (await isTaken(file, take)) ? 'taken' : 'refused';
      if (chosen[kind].length < cases[kind]) chosen[kind].push(file);
    }
    return [
      ...chosen.taken.map((file) => ({ file, taken: true })),
      ...chosen.refused.map((file) => ({ file, taken: false })),
    ];
  }

  /** Side by side, as far as a small machine can. */
  async function tryAll<Case>(all: Case[], attempt: (one: Case) => Promise<void>): Promise<void> {
    expect(all).toHaveLength(cases.taken + cases.refused);
    const waiting = [...all];
    const work = async (): Promise<void> => {
      for (let one = waiting.shift(); one; one = waiting.shift()) await attempt(one);
    };
    await Promise.all([work(), work(), work()]);
  }

  const good = (name: string): string[] => [`--${name}`, join(folder, `${name}.json`)];

  it('discovers with any configuration, or says what is wrong with it', async () => {
    await tryAll(await damaged(config, takeConfig), async ({ file, taken }) => {
      const end = await ended(['discover', '--config', file]);
      expectSaid(end, taken, '"type":"CATALOG"');
    });
  });

  it('checks no configuration that is none, and says why', async () => {
    const refused = (await damaged(config, takeConfig)).filter(({ taken }) => !taken);
    for (const { file } of refused.slice(0, 5)) {
      const { code, stdout } = await ended(['check', '--config', file]);
      // An answer where there is an object that can be spoken of; else the command has failed.
      expect(stdout).toMatch(code === 0 ? /"status":"FAILED","message":".+"/ : /"failure_type":"config_error"/);
      expect([0, 2]).toContain(code);
    }
  });

  it('reads with any configured catalog, or says what is wrong with it', async () => {
    await tryAll(await damaged(catalog, takeCatalog), async ({ file, taken }) => {
      expectSaid(await ended(['read', ...good('config'), '--catalog', file]), taken, '"type":"RECORD"');
    });
  });

  it('reads with any state, or says what is wrong with it', async () => {
    await tryAll(await damaged(state, takeState), async ({ file, taken }) => {
      const end = await ended(['read', ...good('config'), ...good('catalog'), '--state', file]);
      expectSaid(end, taken, '"type":"RECORD"');
      if (end.code === 0) expect(streamsThatAre('COMPLETE', end.stdout)).toHaveLength(3);
    });
  });

  it('reads from the beginning where the place in a state is none', async () => {
    const resume = (cursor: Json): JsonObject => ({
      rollcall: { version: 1, sync_id: 7, records: 0, finished: false, cursor },
    });
    const file = writeJson(folder, 'no-places.json', {
      users: resume({}),
      clients: resume({ task: { kind: 'list', stream: 'clients' }, place: { spans: [], begun: null } }),
      organizations: resume({ cursor: { mode: 'checkpoint', pages: 1, done: true }, slices: 1 }),
    });
    const { code, stdout } = await ended(['read', ...good('config'), ...good('catalog'), '--state', file]);
    expect(code).toBe(0);
    expect(messagesOf(stdout).filter(({ type }) => type === 'RECORD')).toHaveLength(3 * 250);
  });
});
