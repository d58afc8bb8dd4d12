import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/json';

const root = join(__dirname, '..', '..');

/** What a program did. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** Resolves when the text has appeared in what the program wrote so far; rejects when it ended before. */
  says(text: string | RegExp): Promise<void>;
}

export interface ProgramOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Starts one of the two programs as a user does, in an environment without settings of this machine's user. */
export function start(program: 'rollcall' | 'source-auth0', args: string[], options: ProgramOptions = {}): Running {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(root, 'bin', program), ...args], {
    cwd: options.cwd ?? root,
    env: { ...inherited, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (written[stream] += text));
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => {
      resolve({ code, signal, ...written });
    });
  });
  return {
    child,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const all = written.stdout + written.stderr;
          if (typeof text === 'string' ? all.includes(text) : text.test(all)) resolve();
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        void ended.then((end) => {
          reject(
            new Error(`ended (${end.code}) before it said ${String(text)}:\n${end.stdout.slice(-2000)}\n${end.stderr}`),
          );
        });
        look();
      }),
  };
}

export function run(program: 'rollcall' | 'source-auth0', args: string[], options?: ProgramOptions): Promise<Ended> {
  return start(program, args, options).ended;
}

export function writeJson(folder: string, name: string, value: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(value));
  return file;
}

/** The protocol messages in a program's output; a line that is none fails the test that asks. */
export function messagesOf(stdout: string): JsonObject[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonObject);
}

/** The body of a TRACE ERROR. */
export interface TracedError {
  message: string;
  failure_type: string;
  stream_descriptor?: { name: string };
  stack_trace?: string;
}

/** The errors that a program of the Airbyte protocol reported. */
export function tracedErrors(stdout: string): TracedError[] {
  return messagesOf(stdout)
    .filter(({ type }) => type === 'TRACE')
    .map(({ trace }) => (trace as { error?: TracedError }).error)
    .filter((error) => error !== undefined);
}

/** The names of the streams whose last status is the given one. */
export function streamsThatAre(status: 'COMPLETE' | 'INCOMPLETE', stdout: string): string[] {
  const last = new Map<string, string>();
  for (const { trace } of messagesOf(stdout)) {
    const said = (trace as { stream_status?: { status: string; stream_descriptor: { name: string } } } | undefined)
      ?.stream_status;
    if (said) last.set(said.stream_descriptor.name, said.status);
  }
  return [...last].filter(([, each]) => each === status).map(([name]) => name);
}
