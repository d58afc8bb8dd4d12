import type { Readable, Writable } from 'node:stream';
import type { LogEntry } from '@temporalio/worker';
import type { ShellContext } from '../config/environment';

/** A stream that may be a terminal. */
export type TerminalOutput = Writable & { isTTY?: boolean; columns?: number };
export type TerminalInput = Readable & { isTTY?: boolean };

/** Everything that a command uses of the process it runs in. Commands read no global state of the process. */
export interface CommandContext extends ShellContext {
  /** For results. */
  stdout: TerminalOutput;
  /** For progress and errors; commands write to it through `log`. */
  stderr: TerminalOutput;
  stdin: TerminalInput;
  /** Epoch ms. */
  now(): number;
  /**
   * Aborted by SIGINT and SIGTERM while a command listens to it. Without a listener, the two end the process as usual.
   */
  signal: AbortSignal;
  log: Log;
  intervals: Intervals;
  /** Absent when several commands share a process, as in tests. */
  host?: ProcessHost;
}

/** A command on a connection of the project file. */
export type ConnectionCommand<Flags> = (name: string, flags: Flags, context: CommandContext) => Promise<number>;

/** A command on one connection, or on all, or on one that options describe. */
export type OptionalConnectionCommand<Flags> = (
  name: string | undefined,
  flags: Flags,
  context: CommandContext,
) => Promise<number>;

/** Times between two looks at something that changes elsewhere, ms. */
export interface Intervals {
  /** Progress of a sync that the user follows. */
  progressMs: number;
  /** Events of a sync for `logs --follow`. */
  logsMs: number;
  /** Whether the process with a local server still runs. */
  serverExitMs: number;
  /** Schedules and last syncs on the server, for metrics. */
  serverMetricsMs: number;
}

export const defaultIntervals: Intervals = {
  progressMs: 1_000,
  logsMs: 2_000,
  serverExitMs: 1_000,
  serverMetricsMs: 30_000,
};

/** Messages for the user on stderr. */
export interface Log {
  /** True: `info` and the footer are silent. */
  quiet: boolean;
  info(text: string): void;
  warn(text: string): void;
  /** A warning or an error of Temporal. */
  temporal(entry: LogEntry): void;
  /** Sets the text that stays below the messages and is replaced in place; undefined removes it. */
  setFooter(footer: Footer | undefined): void;
  drawFooter(text: string): void;
}

/** Text at the bottom of a terminal that is replaced in place. */
export interface Footer {
  /** Replaces the previous text; an empty one removes it. */
  draw(text: string): void;
}

/** A process that runs a single command. */
export interface ProcessHost {
  /** Handles errors that no code awaits; the process ends with the exit code that `report` resolves to. */
  onUnhandledError(report: (error: unknown) => Promise<number>): void;
  /** Makes SIGINT, SIGTERM and SIGHUP end the process as signals do, after `flush`. */
  onTermination(flush: () => Promise<void>): void;
}

/** Resolves when the signal is aborted. After `release`, a second Ctrl-C ends the process at once. */
export function waitForInterrupt(signal: AbortSignal): { promise: Promise<void>; release(): void } {
  let interrupt: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt);
  return { promise, release: () => signal.removeEventListener('abort', interrupt) };
}
