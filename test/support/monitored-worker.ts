import { findFreePort } from '../../src/temporal/embedded-server/embedded-server';
import { type CliOptions, type RunningCli, startCli } from './cli';
import { type Exposition, parseExposition } from './exposition';
import { type ProgramOptions, type Running, start } from './program';
import { until } from './wait';

/** The metrics and the health of a worker. */
export interface Monitored {
  /** `http://127.0.0.1:port` */
  url: string;
  scrape(): Promise<Exposition>;
  /** Status and text of one of its pages. */
  ask(path: string): Promise<{ status: number; text: string }>;
}

/** Starts `rollcall worker --listen …` as a process, and returns when it listens. */
export async function startMonitoredProcess(options: ProgramOptions): Promise<Running & Monitored> {
  const address = `127.0.0.1:${await findFreePort()}`;
  const worker = start('rollcall', ['worker', '--listen', address], options);
  return { ...worker, ...(await monitor(address, worker.ended)) };
}

/**
 * Starts `rollcall worker --listen …` in this process, and returns when it listens. Nothing in this process may use
 * Temporal's native connection before: the first use decides whether there are metrics.
 */
export async function startMonitoredWorker(options: CliOptions): Promise<RunningCli & Monitored> {
  const address = `127.0.0.1:${await findFreePort()}`;
  const worker = startCli(['worker', '--listen', address], options);
  return { ...worker, ...(await monitor(address, worker.ended)) };
}

async function monitor(address: string, ended: Promise<unknown>): Promise<Monitored> {
  const url = `http://${address}`;
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  async function ask(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${url}${path}`);
    return { status: answer.status, text: await answer.text() };
  }
  await until(async () => {
    if (hasEnded) throw new Error('the worker ended before it listened');
    return ask('/healthz').catch(() => undefined);
  }, `the worker to listen at ${url}`);
  return { url, ask, scrape: async () => parseExposition((await ask('/metrics')).text) };
}
