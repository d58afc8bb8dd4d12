import { join } from 'node:path';
import { spawn } from '@lydell/node-pty';
import { Terminal } from '@xterm/headless';
import { until } from './wait';

const root = join(__dirname, '..', '..');

/** A program on a terminal, as a user sees it. */
export interface OnTerminal {
  /** The lines of the screen, and those that have left it at the top, without blanks at their ends. */
  lines(): string[];
  /** Resolves when the screen shows the text; rejects when the program ends without it. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
  /** Everything that was written to the terminal, with control sequences. */
  written(): string;
  ended: Promise<{ code: number }>;
  kill(): void;
}

/** The lines that a terminal of 80 columns shows after the output was written to it. */
export function renderOnTerminal(output: string): Promise<string[]> {
  const screen = new Terminal({ cols: 80, rows: 40, allowProposedApi: true, convertEol: true });
  return new Promise((resolve) => screen.write(output, () => resolve(readLines(screen))));
}

/** The lines of the screen, and those that have left it at the top, without blanks at their ends. */
function readLines({ buffer: { active } }: Terminal): string[] {
  const all = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? '');
  return all.slice(0, all.findLastIndex((line) => line !== '') + 1);
}

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
      // Resolves after the screen has processed everything before it.
      screen.write('', () => {
        end = exitCode;
        resolve({ code: exitCode });
      });
    });
  });
  const lines = (): string[] => readLines(screen);
  return {
    lines,
    ended,
    written: () => written,
    type: (keys) => program.write(keys),
    kill: () => program.kill('SIGKILL'),
    async shows(text) {
      await until(() => {
        const seen = lines().join('\n');
        if (typeof text === 'string' ? seen.includes(text) : text.test(seen)) return true;
        if (end !== undefined) throw new Error(`ended (${end}) without showing ${String(text)}:\n${seen}`);
        return false;
      }, String(text));
    },
  };
}
