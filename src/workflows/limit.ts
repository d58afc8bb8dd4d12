import { sleep } from '@temporalio/workflow';
import type { StreamRun } from './stream-run';

/**
 * Waits for the tenant's limit outside of any activity, so that no slot is held and no deploy disturbs it; the streams
 * say so meanwhile.
 * @param until epoch ms
 * @param onChange called when that is to be shown
 */
export async function waitForRateLimit(runs: readonly StreamRun[], until: number, onChange: () => void): Promise<void> {
  for (const run of runs) run.startRateLimitWait(until);
  onChange();
  await sleep(Math.max(1, until - Date.now()), { summary: "the tenant's rate limit" });
  for (const run of runs) run.endRateLimitWait(until);
  onChange();
}
