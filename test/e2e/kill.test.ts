import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { readFilesDestination } from '../support/files-reader';
import { streams } from '../../src/streams/registry';
import { messagesOf, run, scratchFolder, start, writeJson } from '../support/program';
import { catalogFor, compare, configOf, projectFor } from '../support/compare-copy';

jest.setTimeout(240_000);

/** Slices of a second, so that there is something to lose. */
const env = { ROLLCALL_FETCH_SECONDS: '0.5', ROLLCALL_HEARTBEAT_SECONDS: '2' };

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_800 && !condition(); tries += 1) await sleep(50);
  if (!condition()) throw new Error('it did not come to that within 90 s');
}

/** Processes whose command line holds the text. */
function processesWith(text: string): string[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps -A'));
}

describe('a process that is killed in mid-work', () => {
  let tenant: Emulator;
  const folder = scratchFolder();

  beforeEach(async () => {
    tenant = await startEmulator({ scenario: 'caps', latencyMs: 15 });
  });
  afterEach(() => tenant.close());

  it('has lost nothing of a read that is taken up with its last states', async () => {
    const config = writeJson(folder, 'config.json', configOf(tenant));
    const catalog = writeJson(folder, 'catalog.json', catalogFor(undefined, { sync_id: 7 }));
    const args = ['read', '--config', config, '--catalog', catalog];
    const first = start('source-auth0', args, { env });
    await until(() => tenant.readStatistics().requests > 700);
    first.child.kill('SIGKILL');
    const { stdout } = await first.ended;
    // A killed process can leave half a line.
    const before = messagesOf(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
    const states = before.filter(({ type }) => type === 'STATE').map(({ state }) => state as JsonObject);
    expect(states.length).toBeGreaterThan(3);
    const asked = tenant.readStatistics().requests;

    const state = writeJson(folder, 'state.json', states);
    const second = await run('source-auth0', [...args, '--state', state], { env });
    expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' });
    // The organizations' place is that of the page of the list before the earliest unfinished batch.
    expect(tenant.readStatistics().requests - asked).toBeLessThan(1_282 - asked + 600);

    const truth = tenant.readTruth();
    const records = [...before, ...messagesOf(second.stdout)]
      .filter(({ type }) => type === 'RECORD')
      .map(({ record }) => record as { stream: string; data: JsonObject });
    for (const { name } of streams) {
      const own = records.filter(({ stream }) => stream === name).map(({ data }) => data);
      const { lost, invented, different } = compare(name as TruthStream, own, truth[name as TruthStream]);
      expect({ name, lost, invented, different }).toEqual({ name, lost: [], invented: [], different: [] });
    }
  });

  it('goes on with the same sync when it is started again, and leaves no server behind', async () => {
    projectFor(folder, tenant);
    const first = start('rollcall', ['sync', 'acme'], { cwd: folder, env });
    await first.says('users 3000');
    first.child.kill('SIGKILL');
    await first.ended;
    await sleep(500);
    expect(processesWith(join(folder, '.rollcall'))).toEqual([]);
    const asked = tenant.readStatistics().requests;
    expect(asked).toBeLessThan(1_200);

    const second = await run('rollcall', ['sync', 'acme', '--json'], { cwd: folder, env });
    expect(second.stderr).toContain('was under way already and goes on');
    expect(second.code).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ event: 'end', status: 'complete' });
    // Only the slices that were in flight are read again.
    expect(tenant.readStatistics().requests).toBeLessThan(1_282 + 200);

    const truth = tenant.readTruth();
    const records: { stream: string; data: JsonObject }[] = [];
    for await (const record of readFilesDestination(join(folder, 'data'))) records.push(record);
    for (const { name } of streams) {
      const own = records.filter(({ stream }) => stream === name).map(({ data }) => data);
      const { lost, invented, twice, different } = compare(name as TruthStream, own, truth[name as TruthStream]);
      expect({ name, lost, invented, twice, different }).toEqual({
        name,
        lost: [],
        invented: [],
        twice: [],
        different: [],
      });
    }
    expect(readFileSync(join(folder, 'data', 'state.json'), 'utf8')).toContain('updated_at');
    expect(processesWith(join(folder, '.rollcall'))).toEqual([]);
  });
});
