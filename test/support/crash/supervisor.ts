import { setTimeout as sleep } from 'node:timers/promises';
import { start, type Running } from '../program';

export interface Command {
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/** A program that is restarted when it ends, as a supervisor of services does. */
export interface SupervisedProgram {
  readonly pid: number | undefined;
  /** Ends it with a signal. Resolves when it is restarted after the pause. */
  end(signal: 'SIGKILL' | 'SIGTERM', pauseMs: number): Promise<void>;
  /** Stops or continues the process. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Exits without a signal from us, each with the end of its output. */
  unexpectedExits: string[];
  stop(): Promise<void>;
}

/** Pause before a program that ended by itself is restarted. */
const restartPauseMs = 1_000;
/** A worker may finish its pages for this long before it is killed. */
const shutdownGraceMs = 12_000;

/** @param readyMessage output of a program that is ready */
export async function supervise(command: Command, readyMessage: string): Promise<SupervisedProgram> {
  const unexpectedExits: string[] = [];
  let pause = restartPauseMs;
  let isEnding = false;
  let isStopping = false;
  let running = start('rollcall', command.args, command);
  const stopped = keepRunning();

  async function keepRunning(): Promise<void> {
    for (;;) {
      const { code, stderr } = await running.ended;
      if (isStopping) return;
      if (!isEnding) unexpectedExits.push(`a worker ended by itself (${code}): ${stderr.trim().slice(-2_500)}`);
      await sleep(pause);
      pause = restartPauseMs;
      isEnding = false;
      running = start('rollcall', command.args, command);
      if (isStopping) running.child.kill('SIGKILL');
    }
  }

  await running.says(readyMessage);
  return {
    unexpectedExits,
    get pid() {
      return running.child.pid;
    },
    async end(signal, pauseMs) {
      const { child, ended } = running;
      pause = pauseMs;
      isEnding = true;
      child.kill(signal);
      await waitOrKill({ child, ended });
      await sleep(pauseMs);
    },
    signal(signal) {
      running.child.kill(signal);
    },
    async stop() {
      isStopping = true;
      running.child.kill('SIGCONT');
      running.child.kill('SIGKILL');
      await stopped;
    },
  };
}

/** Supervisors kill a program that does not end after a signal. */
async function waitOrKill({ child, ended }: Pick<Running, 'child' | 'ended'>): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), shutdownGraceMs);
  await ended;
  clearTimeout(timer);
}
