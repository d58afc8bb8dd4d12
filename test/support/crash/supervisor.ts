import { setTimeout as sleep } from 'node:timers/promises';
import { start, type Running } from '../program';

export interface Command {
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/** A program that is started again when it has ended, as a supervisor of services does. */
export interface Supervised {
  readonly pid: number | undefined;
  /** Ends it with a signal; it is back after the pause. Resolves once it is started again. */
  end(signal: 'SIGKILL' | 'SIGTERM', pauseMs: number): Promise<void>;
  /** Stops and continues it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Times that it ended without being told to, and its last words. */
  endings: string[];
  stop(): Promise<void>;
}

/** Pause before a program that ended by itself is started again, ms. */
const patience = 1_000;
/** For a worker to finish its pages before it is killed, ms. */
const grace = 12_000;

/** @param isReady what the program says when it does its work */
export async function supervise(command: Command, isReady: string): Promise<Supervised> {
  const endings: string[] = [];
  let pause = patience;
  let told = false;
  let stopping = false;
  let running = start('rollcall', command.args, command);
  const over = keepRunning();

  async function keepRunning(): Promise<void> {
    for (;;) {
      const { code, stderr } = await running.ended;
      if (stopping) return;
      if (!told) endings.push(`a worker ended by itself (${code}): ${stderr.trim().slice(-2_500)}`);
      await sleep(pause);
      pause = patience;
      told = false;
      running = start('rollcall', command.args, command);
      if (stopping) running.child.kill('SIGKILL');
    }
  }

  await running.says(isReady);
  return {
    endings,
    get pid() {
      return running.child.pid;
    },
    async end(signal, pauseMs) {
      const { child, ended } = running;
      pause = pauseMs;
      told = true;
      child.kill(signal);
      await killedAtLast({ child, ended });
      await sleep(pauseMs);
    },
    signal(signal) {
      running.child.kill(signal);
    },
    async stop() {
      stopping = true;
      running.child.kill('SIGCONT');
      running.child.kill('SIGKILL');
      await over;
    },
  };
}

/** As supervisors do with a program that does not end when it is told to. */
async function killedAtLast({ child, ended }: Pick<Running, 'child' | 'ended'>): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), grace);
  await ended;
  clearTimeout(timer);
}
