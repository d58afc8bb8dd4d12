import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from '@lydell/node-pty';
import { Terminal } from '@xterm/headless';

const root = join(__dirname, '..', '..');

/** A program on a terminal, as a person sees it. */
export interface OnTerminal {
  /** The lines of the screen, and those that have left it at the top, without blanks at their ends. */
  lines(): string[];
  /** Resolves when the text stands on the screen; rejects when the program ended without it. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
  /** Everything that was written to the terminal, colours and all. */
  written(): string;
  ended: Promise<{ code: number }>;
  kill(): void;
}

const pollMs = 20;
/** Shorter than the time that Jest gives a test, for an error that shows the screen. */
const timeoutMs = 55_000;

/** Starts rollcall on a terminal of 80 columns, in an environment without settings of this machine's user. */
export function startOnTerminal(
  args: string[],
  { cwd = root, env = {}, columns = 80 }: { cwd?: string; env?: Record<string, string>; columns?: number } = {},
): OnTerminal {
  const {
    TEMPORAL_ADDRESS: _address,
    TEMPORAL_PROFILE: _profile,
    TEMPORAL_NAMESPACE: _namespace,
    NO_COLOR: _none,
    FORCE_COLOR: _forced,
    CI: _ci,
    ...inherited
  } = process.env;
  const screen = new Terminal({ cols: columns, rows: 40, allowProposedApi: true });
  const program = spawn(process.execPath, [join(root, 'bin', 'rollcall'), ...args], {
    name: 'xterm-256color',
    cols: columns,
    rows: 40,
    cwd,
    env: { ...inherited, TERM: 'xterm-256color', ...env },
  });
  let written = '';
  let end: number | undefined;
  program.onData((text) => {
    written += text;
    screen.write(text);
  });
  const ended = new Promise<{ code: number }>((resolve) => {
    program.onExit(({ exitCode }) => {
      // What was written last is on the screen then.
      screen.write('', () => {
        end = exitCode;
        resolve({ code: exitCode });
      });
    });
  });
  const lines = (): string[] => {
    const { active } = screen.buffer;
    const all = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? '');
    return all.slice(0, all.findLastIndex((line) => line !== '') + 1);
  };
  return {
    lines,
    ended,
    written: () => written,
    type: (keys) => program.write(keys),
    kill: () => program.kill('SIGKILL'),
    async shows(text) {
      for (const deadline = performance.now() + timeoutMs; ;) {
        const seen = lines().join('\n');
        if (typeof text === 'string' ? seen.includes(text) : text.test(seen)) return;
        if (end !== undefined) throw new Error(`ended (${end}) without showing ${String(text)}:\n${seen}`);
        if (performance.now() > deadline) throw new Error(`does not show ${String(text)}:\n${seen}`);
        await sleep(pollMs);
      }
    },
  };
}
