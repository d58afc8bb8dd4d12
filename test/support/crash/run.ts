import { setTimeout as sleep } from 'node:timers/promises';
import { start, type Ended } from '../program';
import type { PostgresServer } from '../postgres/server';
import { deal, nameOf, strikeAt, type Commanded } from './blows';
import { countRereads, recoveryAfter, type Rereads } from './measure';
import { planRun, type Moment, type Plan, type Victim } from './plan';
import { judge } from './verdict';
import { createWorld, type World } from './world';

/** What became of a run. */
export interface Report {
  plan: Plan;
  /** The blows that fell, as the sync was not over before. */
  blows: string[];
  /** What is wrong; empty when all is as promised. */
  faults: string[];
  /** What is worth knowing and no fault. */
  notes: string[];
  seconds: number;
  /** Of runs in which workers were killed and nothing else happened. */
  rereads?: Rereads;
  /** Milliseconds after each SIGKILL of one of two workers until the other went on with its work. */
  recoveries: number[];
}

/** A run that has not ended by then is stuck, ms. */
const bound = 150_000;
/** For another worker to go on, beside the heartbeat timeout, ms. */
const recoveryMs = 5_000;

export async function runOnce(seed: number, only: Victim | undefined, postgres: PostgresServer): Promise<Report> {
  const plan = planRun(seed, only);
  const report: Report = { plan, blows: [], faults: [], notes: [], seconds: 0, recoveries: [] };
  const world = await createWorld(plan, postgres);
  try {
    await syncUnderBlows(world, report);
    await judge(world, report.faults);
    for (const worker of world.workers) report.notes.push(...worker.endings);
  } catch (error) {
    report.faults.push(`could not be judged: ${String(error)}`);
  } finally {
    await world.close();
  }
  return report;
}

async function syncUnderBlows(world: World, report: Report): Promise<void> {
  const { plan, front } = world;
  const begun = performance.now();
  const command = giveCommand(world);
  const over = new AbortController();
  const kills: number[] = [];
  const striking = (async () => {
    for (const { moment, blow } of plan.blows) {
      let dealt: Promise<void> | undefined;
      const struck = await strikeAt(moment, world, over.signal, () => {
        if (blow.victim === 'worker' && blow.how === 'SIGKILL') kills.push(performance.now());
        dealt = deal(blow, world, command);
      });
      if (!struck) return;
      report.blows.push(`${nameOf(blow)} at ${describe(moment)}`);
      await dealt;
    }
  })();
  const stuck = sleep(bound, 'stuck' as const, { signal: over.signal }).catch(() => 'over' as const);
  const end = await Promise.race([command.done, stuck]);
  report.seconds = (performance.now() - begun) / 1_000;
  over.abort();
  world.stopChanges();
  const passages = [...front.passages];
  await striking;
  if (end === 'stuck' || end === 'over') {
    report.faults.push(`was not over after ${bound / 1_000} s`);
    await command.kill(-1);
    return;
  }
  if (end.code !== 0) report.faults.push(`ended with code ${end.code}: ${wordsOf(end)}`);
  measure(world, report, passages, kills);
}

/** A blow has not spared what is measured, and nothing else has struck. */
function measure({ plan }: World, report: Report, passages: World['front']['passages'], kills: number[]): void {
  if (kills.length === 0 || kills.length < report.blows.length) return;
  report.rereads = countRereads(passages, kills);
  if (report.rereads.pages > report.rereads.bound) {
    report.faults.push(`${report.rereads.pages} pages were read again, ${report.rereads.bound} may be`);
  }
  if (plan.workers < 2 || kills.length > 1) return;
  const recovery = recoveryAfter(passages, kills[0]!);
  if (recovery === undefined) return;
  report.recoveries.push(recovery);
  const most = plan.heartbeatSeconds * 1_000 + recoveryMs;
  if (recovery >= most)
    report.faults.push(`the other worker went on after ${Math.round(recovery)} ms, ${most} may pass`);
}

interface Given extends Commanded {
  /** The end that was not our doing. */
  done: Promise<Ended>;
}

/** `rollcall sync acme`; given again in the same words whenever it was killed. */
function giveCommand({ folder, env }: World): Given {
  let running = start('rollcall', ['sync', 'acme', '--json'], { cwd: folder, env });
  let again: Promise<void> | undefined;
  async function follow(): Promise<Ended> {
    for (;;) {
      const end = await running.ended;
      if (again === undefined) return end;
      await again;
    }
  }
  return {
    done: follow(),
    get pid() {
      return running.child.pid;
    },
    /** @param pauseMs before the command is given again; negative: it is not */
    kill(pauseMs) {
      const { child, ended } = running;
      child.kill('SIGKILL');
      if (pauseMs < 0) return ended.then(() => undefined);
      again = ended
        .then(() => sleep(pauseMs))
        .then(() => {
          running = start('rollcall', ['sync', 'acme', '--json'], { cwd: folder, env });
          again = undefined;
        });
      return again;
    },
  };
}

function wordsOf({ stdout, stderr }: Ended): string {
  return `${stderr.trim().split('\n').slice(-4).join(' | ')} ${stdout.trim().slice(-300)}`;
}

function describe(moment: Moment): string {
  if (moment.at === 'instant') return `${moment.afterMs} ms`;
  return `${moment.at} ${moment.nth}${'when' in moment ? ` ${moment.when}` : ''}`;
}
