import { sleep } from '@temporalio/workflow';
import type { StreamRun } from './stream-run';

/**
 * Waits for the tenant's limit outside of any activity, so that no slot is held and no deploy disturbs it; the streams
 * say so meanwhile.
 * @param until epoch ms
 * @param changed called when that is to be shown
 */
export async function waitForLimit(runs: readonly StreamRun[], until: number, changed: () => void): Promise<void> {
  for (const run of runs) run.waits(until);
  changed();
  await sleep(Math.max(1, until - Date.now()), { summary: "the tenant's rate limit" });
  for (const run of runs) run.goesOn(until);
  changed();
}
