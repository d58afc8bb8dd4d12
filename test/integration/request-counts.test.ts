import { isWithinAllowance, measureRequests, requestScenarios } from '../../bench/requests';
import type { SyncResult } from '../../src/workflows/contract';
import { runCli, startCli } from '../support/cli';
import { createNamespace } from '../support/servers';

/** Returns what syncs `acme` in this process, with a new worker each time. */
async function createSync(): Promise<(cwd: string, flags: string[]) => Promise<SyncResult>> {
  const options = { env: (await createNamespace()).env, intervals: { progressMs: 50 } };
  return async (cwd, flags) => {
    const worker = startCli(['worker'], { ...options, cwd });
    await worker.waitForOutput('Polling task queue');
    const { code, stdout, stderr } = await runCli(['sync', 'acme', '--json', ...flags], { ...options, cwd });
    worker.interrupt();
    await worker.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr });
    return JSON.parse(stdout) as SyncResult;
  };
}

// `npm run bench:requests` measures further tenants.
it.each(['small', 'empty', 'owned roles'])(
  'a sync of the tenant "%s" makes few requests more than the minimum',
  async (name) => {
    const scenario = requestScenarios[name]!;
    const { full, later } = await measureRequests(scenario, 250, await createSync());
    expect(full.find(({ stream }) => stream === 'users')?.rows).toBe(scenario.users.count);
    expect([...full, ...later].filter((cost) => !isWithinAllowance(cost))).toEqual([]);
  },
);
