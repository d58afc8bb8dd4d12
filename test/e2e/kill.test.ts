import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import { countHoldings, countLeastRequests } from '../../bench/support/least-requests';
import { sum } from '../../bench/support/report';
import type { JsonObject } from '../../src/json';
import { streams } from '../../src/streams/registry';
import { catalogFor, compare, type Comparison, configOf, exact, projectFor } from '../support/compare-copy';
import { readFilesDestination } from '../support/files-reader';
import { messagesOf, run, start, writeJson } from '../support/program';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

/** Short fetches: a kill interrupts some and leaves others complete. */
const env = { ROLLCALL_FETCH_SECONDS: '0.2', ROLLCALL_HEARTBEAT_SECONDS: '2' };

const folder = scratchFolder();
let tenant: Emulator;
/** The requests of a sync that nothing interrupts. */
let leastRequests: number;

beforeEach(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 1_500, ties: [{ size: 150 }] },
      organizations: { count: 250, members: 3, firstMemberCounts: [130] },
      clients: { count: 250 },
      roles: { count: 5 },
    },
    latencyMs: 25,
  });
  leastRequests = sum(Object.values<number>({ ...countLeastRequests(countHoldings(tenant.tenant)) }));
});
afterEach(() => tenant.close());

/** Processes whose command line contains the text. */
function findProcesses(text: string): string[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps -A'));
}

function compareAll(records: readonly { stream: string; data: JsonObject }[]): Record<string, Comparison> {
  const truth = tenant.readTruth();
  return Object.fromEntries(
    streams.map(({ name }) => {
      const own = records.filter(({ stream }) => stream === name).map(({ data }) => data);
      return [name, compare(name as TruthStream, own, truth[name as TruthStream])];
    }),
  );
}

const allExact = Object.fromEntries(streams.map(({ name }) => [name, exact]));

it('a read that resumes from the states of a killed read loses no record', async () => {
  const config = writeJson(folder, 'config.json', configOf(tenant));
  const catalog = writeJson(folder, 'catalog.json', catalogFor(undefined, { sync_id: 7 }));
  const args = ['read', '--config', config, '--catalog', catalog];
  const first = start('source-auth0', args, { env });
  await first.says(/(?:"type":"STATE"[^]*){5}/);
  first.child.kill('SIGKILL');
  const { stdout } = await first.ended;
  // A killed process can leave half a line.
  const before = messagesOf(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
  const states = before.filter(({ type }) => type === 'STATE').map(({ state }) => state as JsonObject);
  expect(tenant.readStatistics().requests).toBeLessThan(leastRequests);

  const state = writeJson(folder, 'state.json', states);
  const second = await run('source-auth0', [...args, '--state', state], { env });
  expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' });
  // Organizations resume at the page of their list before the earliest unfinished batch.
  expect(tenant.readStatistics().requests).toBeLessThan(1.6 * leastRequests);

  const records = [...before, ...messagesOf(second.stdout)]
    .filter(({ type }) => type === 'RECORD')
    .map(({ record }) => record as { stream: string; data: JsonObject });
  const comparisons = Object.entries(compareAll(records)).map(([name, each]) => [name, { ...each, twice: [] }]);
  expect(Object.fromEntries(comparisons)).toEqual(allExact);
});

it('a killed sync resumes when its command runs again, and leaves no server behind', async () => {
  projectFor(folder, tenant);
  const first = start('rollcall', ['sync', 'acme'], { cwd: folder, env });
  tenant.onRequest(Math.floor(leastRequests / 2), () => void first.child.kill('SIGKILL'));
  expect((await first.ended).signal).toBe('SIGKILL');
  await until(() => findProcesses(join(folder, '.rollcall')).length === 0);

  const second = await run('rollcall', ['sync', 'acme', '--json'], { cwd: folder, env });
  expect(second.stderr).toContain('sync/acme is already running.');
  expect(second.code).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ event: 'end', status: 'complete' });
  // Only the interrupted fetches are read again.
  expect(tenant.readStatistics().requests).toBeLessThan(1.3 * leastRequests);

  const records: { stream: string; data: JsonObject }[] = [];
  for await (const record of readFilesDestination(join(folder, 'data'))) records.push(record);
  expect(compareAll(records)).toEqual(allExact);
  expect(readFileSync(join(folder, 'data', 'state.json'), 'utf8')).toContain('updated_at');
  expect(findProcesses(join(folder, '.rollcall'))).toEqual([]);
});
