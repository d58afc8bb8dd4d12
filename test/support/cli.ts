import { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import type { CommandContext, Intervals, TerminalOutput } from '../../src/app/command-context';
import { createProgram, type ProgramName, runCli as runProgram } from '../../src/cli/main';
import type { ShellContext, Variables } from '../../src/config/environment';

const root = process.cwd();

/** A shell with only the given variables, for functions that take one. */
export function createShell(env: Variables = {}, cwd = root): ShellContext {
  return { env, cwd };
}

/** The declarations of a program's commands, without anything to run them. */
export function declareProgram(name: ProgramName = 'rollcall'): Command {
  return createProgram(
    name,
    { stdout: process.stdout, stderr: process.stderr } as unknown as CommandContext,
    () => undefined,
  );
}

export interface CliOptions {
  /** Default: rollcall. */
  program?: ProgramName;
  /** Default: the repository. */
  cwd?: string;
  /** Added to an environment without this user's settings. */
  env?: Variables;
  /** Aborting it has the effect of Ctrl-C. */
  signal?: AbortSignal;
  now?: () => number;
  /** Shorter times between looks; default: those of the product. */
  intervals?: Partial<Intervals>;
  /** Columns of a terminal; default: stdout and stderr are no terminal. */
  columns?: number;
}

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
  /** Both, in the order in which they were written. */
  output: string;
}

/** A command that runs in this process. */
export interface RunningCli {
  ended: Promise<CliResult>;
  /** Resolves with the output so far when it matches; rejects when the command ends without it. */
  waitForOutput(text: string | RegExp): Promise<string>;
  /** Has the effect of Ctrl-C. */
  interrupt(): void;
}

/** Runs a command in this process, without starting another. Several can run side by side. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).ended;
}

/** Starts a command in this process, for commands that run until something happens. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { program = 'rollcall', cwd = root, env = {}, now = Date.now, columns } = options;
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, ...inherited } = process.env;
  const interrupted = new AbortController();
  const listeners = new Set<() => void>();
  const written = { stdout: '', stderr: '', all: '' };
  const capture = (name: 'stdout' | 'stderr'): TerminalOutput => {
    const stream = new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, done) {
        written[name] += chunk.toString();
        written.all += chunk.toString();
        for (const listener of listeners) listener();
        done();
      },
    });
    return columns === undefined ? stream : Object.assign(stream, { isTTY: true, columns });
  };
  const ended = runProgram(program, args, {
    stdout: capture('stdout'),
    stderr: capture('stderr'),
    stdin: Readable.from([]),
    env: { ...inherited, ...env },
    cwd,
    now,
    ...(options.intervals && { intervals: options.intervals }),
    signal: options.signal ? AbortSignal.any([options.signal, interrupted.signal]) : interrupted.signal,
  }).then((code) => ({ code, stdout: written.stdout, stderr: written.stderr, output: written.all }));
  return {
    ended,
    interrupt: () => interrupted.abort(),
    waitForOutput: (text) =>
      new Promise((resolve, reject) => {
        const matches = (): boolean => (typeof text === 'string' ? written.all.includes(text) : text.test(written.all));
        const look = (): void => {
          if (matches()) resolve(written.all);
        };
        listeners.add(look);
        ended.then(({ code }) => reject(new Error(`ended (${code}) without ${String(text)}:\n${written.all}`)), reject);
        look();
      }),
  };
}
