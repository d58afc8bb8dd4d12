import { findFreePort } from '../../src/temporal/embedded-server/embedded-server';
import { type ProgramOptions, type Running, start } from './program';
import { type Exposition, parseExposition } from './exposition';

/** A worker process that says how it is. */
export interface WorkerInSight extends Running {
  /** `http://127.0.0.1:port` */
  url: string;
  scrape(): Promise<Exposition>;
  /** Status and text of one of its pages. */
  ask(path: string): Promise<{ status: number; text: string }>;
}

/** Starts `rollcall worker --listen …`, and returns once it listens there. */
export async function startWorkerInSight(options: ProgramOptions, ...args: string[]): Promise<WorkerInSight> {
  const address = `127.0.0.1:${await findFreePort()}`;
  const url = `http://${address}`;
  const worker = start('rollcall', ['worker', '--listen', address, ...args], options);
  const ask = async (path: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  let hasEnded = false;
  void worker.ended.then(() => (hasEnded = true));
  for (let tries = 0; ; tries += 1) {
    try {
      await ask('/healthz');
      break;
    } catch (error) {
      if (hasEnded || tries > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return { ...worker, url, ask, scrape: async () => parseExposition((await ask('/metrics')).text) };
}

/** Looks until it is so, at most for some 60 s. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries += 1) {
    if (tries > 300) throw new Error('it has not come about');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
