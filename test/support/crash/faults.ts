import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../postgres/rows';
import type { CrashEnvironment } from './environment';
import type { Fault, Moment } from './plan';

/** A command that runs again after it was killed. */
export interface RepeatedCommand {
  kill(pauseMs: number): Promise<void>;
  pid: number | undefined;
}

/** Calls `inject` at the moment and resolves with true; resolves with false if `ended` is aborted before. */
export async function injectAt(
  moment: Moment,
  { signals }: CrashEnvironment,
  ended: AbortSignal,
  inject: () => void,
): Promise<boolean> {
  if (moment.at === 'instant') {
    const came = await sleep(moment.afterMs, true, { signal: ended }).catch(() => false);
    if (came) inject();
    return came;
  }
  const name = 'when' in moment ? (`${moment.at} ${moment.when}` as const) : moment.at;
  return new Promise((resolve) => {
    const remove = signals.expect(name, moment.nth, () => {
      inject();
      resolve(true);
    });
    const stop = (): void => {
      remove();
      resolve(false);
    };
    if (ended.aborted) stop();
    ended.addEventListener('abort', stop, { once: true });
  });
}

/** Injects a fault at once; resolves when it is over. */
export async function injectFault(
  fault: Fault,
  environment: CrashEnvironment,
  command: RepeatedCommand,
): Promise<void> {
  switch (fault.target) {
    case 'worker': {
      const worker = environment.workers[fault.worker];
      if (!worker) throw new Error(`there is no worker ${fault.worker}`);
      if (fault.how !== 'freeze') return worker.end(fault.how, fault.forMs);
      worker.signal('SIGSTOP');
      await sleep(fault.forMs);
      worker.signal('SIGCONT');
      return;
    }
    case 'cli':
      return command.kill(fault.forMs);
    case 'server':
      if (!environment.restartTemporal) throw new Error('this run does not own its Temporal server');
      return environment.restartTemporal(fault.forMs);
    case 'emulator':
      await environment.tenantProxy.stop();
      await sleep(fault.forMs);
      return environment.tenantProxy.restart();
    case 'postgres':
      if (fault.how === 'terminate') return terminateSessions(environment.postgres.url);
      if (!environment.postgres.restart) throw new Error('this run does not own its Postgres server');
      return environment.postgres.restart();
    case 'disk': {
      const disk = environment.disks[fault.where];
      const pids = [...environment.workers.map(({ pid }) => pid), command.pid].filter((pid) => pid !== undefined);
      disk.break(fault.how, pids);
      await sleep(fault.forMs);
      disk.repair(pids);
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

/** A short description, such as `worker SIGKILL`. */
export function describeFault(fault: Fault): string {
  if (fault.target === 'disk') return `${fault.where} ${fault.how}`;
  return `${fault.target} ${fault.how}`;
}
