import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../postgres/rows';
import type { Blow, Moment } from './plan';
import type { World } from './world';

/** A command that is given again when it was killed. */
export interface Commanded {
  kill(pauseMs: number): Promise<void>;
  pid: number | undefined;
}

/** Resolves at the moment, having done `strike`; without, when `over` is aborted before. */
export async function strikeAt(
  moment: Moment,
  { signals }: World,
  over: AbortSignal,
  strike: () => void,
): Promise<boolean> {
  if (moment.at === 'instant') {
    const came = await sleep(moment.afterMs, true, { signal: over }).catch(() => false);
    if (came) strike();
    return came;
  }
  const name = 'when' in moment ? (`${moment.at} ${moment.when}` as const) : moment.at;
  return new Promise((resolve) => {
    const forget = signals.expect(name, moment.nth, () => {
      strike();
      resolve(true);
    });
    const leave = (): void => {
      forget();
      resolve(false);
    };
    if (over.aborted) leave();
    over.addEventListener('abort', leave, { once: true });
  });
}

/** Strikes at once; resolves when the trouble is over. */
export async function deal(blow: Blow, world: World, command: Commanded): Promise<void> {
  switch (blow.victim) {
    case 'worker': {
      const worker = world.workers[blow.worker];
      if (!worker) throw new Error(`there is no worker ${blow.worker}`);
      if (blow.how !== 'freeze') return worker.end(blow.how, blow.forMs);
      worker.signal('SIGSTOP');
      await sleep(blow.forMs);
      worker.signal('SIGCONT');
      return;
    }
    case 'cli':
      return command.kill(blow.forMs);
    case 'server':
      if (!world.restartTemporal) throw new Error('the server is the command’s own');
      return world.restartTemporal(blow.forMs);
    case 'emulator':
      await world.front.leave();
      await sleep(blow.forMs);
      return world.front.comeBack();
    case 'postgres':
      return blow.how === 'restart' ? world.postgres.restart() : terminateSessions(world.postgres.url);
    case 'disk': {
      const disk = world.disks[blow.where];
      const pids = [...world.workers.map(({ pid }) => pid), command.pid].filter((pid) => pid !== undefined);
      disk.strike(blow.how, pids);
      await sleep(blow.forMs);
      disk.heal(pids);
      return;
    }
  }
}

async function terminateSessions(url: string): Promise<void> {
  await query(
    url,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port > 0',
  );
}

/** What was done, in few words. */
export function nameOf(blow: Blow): string {
  if (blow.victim === 'disk') return `${blow.where} ${blow.how}`;
  return `${blow.victim} ${blow.how}`;
}
