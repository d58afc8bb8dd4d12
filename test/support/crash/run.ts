import { setTimeout as sleep } from 'node:timers/promises';
import { start, type Ended } from '../program';
import { checkDestination } from './check-destination';
import { createEnvironment, type CrashEnvironment, type CrashServers } from './environment';
import { describeFault, injectAt, injectFault, type RepeatedCommand } from './faults';
import { countRereads, measureRecovery, type Rereads } from './measure';
import { planRun, type Moment, type Plan, type Target } from './plan';
import type { ProxiedRequest } from './tenant-proxy';

/** The result of a run. */
export interface Report {
  plan: Plan;
  /** The faults that were injected before the sync ended. */
  injected: string[];
  /** Broken promises; empty when the run passed. */
  failures: string[];
  /** Observations that are not failures. */
  notes: string[];
  seconds: number;
  /** Of runs in which workers were killed and nothing else happened. */
  rereads?: Rereads;
  /** Milliseconds after each SIGKILL of one of two workers until the other continued its work. */
  recoveries: number[];
}

/** A run that takes longer is stuck. */
const maxRunMs = 150_000;
/** Another worker must continue within this time after the heartbeat timeout. */
const maxRecoveryMs = 5_000;

export async function runOnce(seed: number, only: Target | undefined, servers: CrashServers): Promise<Report> {
  const plan = planRun(seed, only);
  const report: Report = { plan, injected: [], failures: [], notes: [], seconds: 0, recoveries: [] };
  const environment = await createEnvironment(plan, servers);
  try {
    await syncWithFaults(environment, report);
    await checkDestination(environment, report.failures);
    for (const worker of environment.workers) report.notes.push(...worker.unexpectedExits);
  } catch (error) {
    report.failures.push(`could not be checked: ${String(error)}`);
  } finally {
    await environment.close();
  }
  return report;
}

async function syncWithFaults(environment: CrashEnvironment, report: Report): Promise<void> {
  const { plan, tenantProxy } = environment;
  const startedAt = performance.now();
  const command = startCommand(environment);
  const ended = new AbortController();
  const kills: number[] = [];
  const injecting = (async () => {
    for (const { moment, fault } of plan.faults) {
      let injection: Promise<void> | undefined;
      const isInjected = await injectAt(moment, environment, ended.signal, () => {
        if (fault.target === 'worker' && fault.how === 'SIGKILL') kills.push(performance.now());
        injection = injectFault(fault, environment, command);
      });
      if (!isInjected) return;
      report.injected.push(`${describeFault(fault)} at ${describeMoment(moment)}`);
      await injection;
    }
  })();
  const stuck = sleep(maxRunMs, 'stuck' as const, { signal: ended.signal }).catch(() => 'ended' as const);
  const end = await Promise.race([command.done, stuck]);
  report.seconds = (performance.now() - startedAt) / 1_000;
  ended.abort();
  environment.stopChanges();
  const requests = [...tenantProxy.requests];
  await injecting;
  if (end === 'stuck' || end === 'ended') {
    report.failures.push(`did not end within ${maxRunMs / 1_000} s`);
    await command.kill(-1);
    return;
  }
  if (end.code !== 0) report.failures.push(`ended with code ${end.code}: ${shortenOutput(end)}`);
  measure(plan, report, requests, kills);
}

/** Measures only runs in which every fault was the kill of a worker. */
function measure(plan: Plan, report: Report, requests: readonly ProxiedRequest[], kills: readonly number[]): void {
  const [firstKill] = kills;
  if (firstKill === undefined || kills.length < report.injected.length) return;
  report.rereads = countRereads(requests, kills);
  if (report.rereads.pages > report.rereads.bound) {
    report.failures.push(`${report.rereads.pages} pages were read again, ${report.rereads.bound} are allowed`);
  }
  if (plan.workers < 2 || kills.length > 1) return;
  const recovery = measureRecovery(requests, firstKill);
  if (recovery === undefined) return;
  report.recoveries.push(recovery);
  const most = plan.heartbeatSeconds * 1_000 + maxRecoveryMs;
  if (recovery >= most) {
    report.failures.push(`the other worker continued after ${Math.round(recovery)} ms, ${most} ms are allowed`);
  }
}

interface RunningCommand extends RepeatedCommand {
  /** The first end that was not a kill of ours. */
  done: Promise<Ended>;
}

/** Runs `rollcall sync acme`, and runs it again whenever it was killed. */
function startCommand({ folder, env }: CrashEnvironment): RunningCommand {
  const startSync = () => start('rollcall', ['sync', 'acme', '--json'], { cwd: folder, env });
  let running = startSync();
  let restart: Promise<void> | undefined;
  async function waitForEnd(): Promise<Ended> {
    for (;;) {
      const end = await running.ended;
      if (restart === undefined) return end;
      await restart;
    }
  }
  return {
    done: waitForEnd(),
    get pid() {
      return running.child.pid;
    },
    /** @param pauseMs before the command runs again; negative: it does not */
    kill(pauseMs) {
      const { child, ended } = running;
      child.kill('SIGKILL');
      if (pauseMs < 0) return ended.then(() => undefined);
      restart = ended
        .then(() => sleep(pauseMs))
        .then(() => {
          running = startSync();
          restart = undefined;
        });
      return restart;
    },
  };
}

function shortenOutput({ stdout, stderr }: Ended): string {
  return `${stderr.trim().split('\n').slice(-4).join(' | ')} ${stdout.trim().slice(-300)}`;
}

function describeMoment(moment: Moment): string {
  if (moment.at === 'instant') return `${moment.afterMs} ms`;
  return `${moment.at} ${moment.nth}${'when' in moment ? ` ${moment.when}` : ''}`;
}
