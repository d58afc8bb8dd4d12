import { ApplicationFailure, proxyActivities, sleep } from '@temporalio/workflow';

interface Activities {
  echo(text: string): Promise<string>;
}

const { echo } = proxyActivities<Activities>({ startToCloseTimeout: '2s', retry: { initialInterval: '100ms' } });

/** `steps` activities, one after the other. */
export async function repeat(text: string, steps: number): Promise<string> {
  let last = '';
  for (let step = 0; step < steps; step += 1) last = await echo(text);
  return last;
}

/** `times` short timers, one after the other. */
export async function rest(milliseconds: number, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await sleep(milliseconds);
}

export async function fail(message: string): Promise<void> {
  throw ApplicationFailure.nonRetryable(message, 'Meant');
}

/** One activity with a long heartbeat timeout. */
export async function slowly(): Promise<string> {
  return proxyActivities<Activities>({ startToCloseTimeout: '60s', heartbeatTimeout: '30s' }).echo('');
}

/** One activity on a queue that some process owns. */
export async function sink(taskQueue: string): Promise<string> {
  return proxyActivities<Activities>({ startToCloseTimeout: '10s', taskQueue }).echo('');
}

/** An activity, a pause, and the same activity again. */
export async function pausing(milliseconds: number): Promise<string> {
  await echo('before');
  await sleep(milliseconds);
  return echo('after');
}
