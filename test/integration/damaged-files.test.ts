/**
 * The files of a source, damaged in many ways. None may cause a stack trace, a hang, an incomplete line, or exit code 0
 * without an answer. e2e/damaged-files.test.ts tries some with the real program.
 */
import fc from 'fast-check';
import { parseState } from '../../src/airbyte/stream-state';
import type { ListRequest } from '../../src/auth0/request';
import type { Json, JsonObject } from '../../src/json';
import { createListReader, createParentsReader } from '../../src/streams/list-readers';
import { getStream } from '../../src/streams/registry';
import { readResumePoint } from '../../src/streams/resume-point';
import { createSearchReader } from '../../src/streams/search-reader';
import type { Reader } from '../../src/streams/stream-reader';
import { type CliResult, runCli } from '../support/cli';
import {
  accepts,
  createSourceFiles,
  expectAnswer,
  type FileKind,
  seed,
  type SourceFiles,
} from '../support/damaged-files';
import { messagesOf, streamsThatAre, writeJson } from '../support/program';
import { scratchFolder } from '../support/scratch';
import { createNamespace } from '../support/servers';
import { anyChange, anyDamage } from '../support/simulation/damage';

jest.setTimeout(120_000);

const numRuns = 1_000;
/** Damaged files of each kind that a command runs with. */
const samples = { accepted: 3, rejected: 12 };

const folder = scratchFolder();
let files: SourceFiles;
let env: Record<string, string>;

beforeAll(async () => {
  ({ env } = await createNamespace());
  files = await createSourceFiles(folder);
});
afterAll(() => files.tenant.close());

function runSource(...args: string[]): Promise<CliResult> {
  return runCli(args, { program: 'source-auth0', env });
}

/** Runs a read with one file in place of an undamaged one. */
function read(replaced: Partial<Record<FileKind, string>>): Promise<CliResult> {
  const paths = { ...files.paths, ...replaced };
  const state = 'state' in replaced ? ['--state', paths.state] : [];
  return runSource('read', '--config', paths.config, '--catalog', paths.catalog, ...state);
}

it.each<FileKind>(['config', 'catalog', 'state'])(
  'any damaged %s is accepted, or rejected with what is wrong, where, and what to do',
  async (kind) => {
    const counts = { accepted: 0, rejected: 0 };
    const property = fc.asyncProperty(anyDamage(files.contents[kind] as Json), async (content) => {
      counts[(await accepts(kind, files.write(content))) ? 'accepted' : 'rejected'] += 1;
    });
    await fc.assert(property, { seed, numRuns });
    // Damage that never or always matters would test nothing.
    expect(Math.min(counts.accepted, counts.rejected)).toBeGreaterThan(numRuns / 20);
  },
);

/** The request that each reader would send next from the resume point of a state; undefined when there is none. */
function findNextRequests(saved: Json): (ListRequest | undefined)[] | undefined {
  const [[, own] = []] = Object.entries(parseState([saved]));
  const point = own && readResumePoint(own);
  if (point?.kind === 'parents') {
    const reader = createParentsReader(getStream('organizations'), true);
    return [reader.next(point.cursor ?? reader.start())];
  }
  return point?.partitions.map(({ task: part, cursor }) => {
    const reader: Reader<Json> =
      part.kind === 'search' ? createSearchReader(part) : createListReader(getStream('clients'));
    return reader.next(cursor ?? reader.start());
  });
}

it.each([
  ['users', 0],
  ['clients', 1],
  ['organizations', 2],
])('a damaged state of %s resumes only where records remain to be read', (_, index) => {
  const counts = { resumed: 0, restarted: 0 };
  const property = fc.property(anyChange(files.contents.state[index]!), (changed) => {
    let requests: ReturnType<typeof findNextRequests>;
    try {
      requests = findNextRequests(changed);
    } catch (error) {
      expect((error as Error).name).toBe('StateError');
      return;
    }
    counts[requests ? 'resumed' : 'restarted'] += 1;
    if (!requests || JSON.stringify(changed).includes('"finished":true')) return;
    expect(requests).not.toEqual([]);
    expect(requests).not.toContain(undefined);
  });
  fc.assert(property, { seed, numRuns });
  expect(Math.min(counts.resumed, counts.restarted)).toBeGreaterThan(numRuns / 20);
});

it('discover answers with any config, or reports what is wrong with it', async () => {
  for (const { path, isAccepted } of await files.sample('config', samples)) {
    expectAnswer(await runSource('discover', '--config', path), isAccepted, '"type":"CATALOG"');
  }
});

it('check reports what is wrong with a rejected config', async () => {
  for (const { path } of await files.sample('config', { accepted: 0, rejected: 5 })) {
    const { code, stdout } = await runSource('check', '--config', path);
    // A config that is no JSON object is an error of the command, not of the connection.
    expect(stdout).toMatch(code === 0 ? /"status":"FAILED","message":".+"/ : /"failure_type":"config_error"/);
    expect([0, 2]).toContain(code);
  }
});

it('read runs with any catalog, or reports what is wrong with it', async () => {
  for (const { path, isAccepted } of await files.sample('catalog', samples)) {
    expectAnswer(await read({ catalog: path }), isAccepted, '"type":"RECORD"');
  }
});

it('read runs with any state, or reports what is wrong with it', async () => {
  for (const { path, isAccepted } of await files.sample('state', samples)) {
    const ended = await read({ state: path });
    expectAnswer(ended, isAccepted, '"type":"RECORD"');
    if (ended.code === 0) expect(streamsThatAre('COMPLETE', ended.stdout)).toHaveLength(3);
  }
});

it('read starts from the beginning when the resume point of a state is invalid', async () => {
  const resume = (cursor: Json): JsonObject => ({
    rollcall: { version: 1, sync_id: 7, records: 0, finished: false, cursor },
  });
  const state = writeJson(folder, 'no-resume-points.json', {
    users: resume({}),
    clients: resume({ task: { kind: 'list', stream: 'clients' }, place: { spans: [], begun: null } }),
    organizations: resume({ cursor: { mode: 'checkpoint', pages: 1, done: true }, slices: 1 }),
  });
  const { code, stdout } = await read({ state });
  expect(code).toBe(0);
  expect(messagesOf(stdout).filter(({ type }) => type === 'RECORD')).toHaveLength(3 * 250);
});
