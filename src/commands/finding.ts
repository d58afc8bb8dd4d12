import { exitCodeOf, exitCodes } from './exit';
import { paragraph } from './lines';

/** What one look at the set-up has found. */
export interface Finding {
  /** What was looked at: `configuration`, `temporal`, `scopes`, … */
  check: string;
  /** Absent for what all connections share. */
  connection?: string;
  state: 'ok' | 'warning' | 'wrong';
  message: string;
  /** What to do about it. */
  fix?: string;
  /** Exit code of what is wrong. */
  code?: number;
}

export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message };
}

export function warning(check: string, message: string, fix?: string): Finding {
  return { check, state: 'warning', message, ...(fix !== undefined && { fix }) };
}

export function wrong(check: string, code: number, message: string, fix?: string): Finding {
  return { check, state: 'wrong', message, ...(fix !== undefined && { fix }), code };
}

/** An error as a finding; errors of ours end in their next step. */
export function wrongOf(check: string, error: unknown): Finding {
  const { name, message, nextStep } = error as { name: string; message: string; nextStep?: string };
  const code = exitCodeOf(name);
  if (nextStep === undefined || !message.endsWith(nextStep)) return wrong(check, code, message);
  return wrong(check, code, message.slice(0, -nextStep.length).trim(), nextStep);
}

/** The code of the worst finding: what can't be reached is worse than what is refused, and that than a wrong file. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  return Math.max(exitCodes.ok, ...findings.map(({ code = exitCodes.ok }) => code));
}

const words = { ok: 'ok', warning: 'warning', wrong: 'WRONG' };

/** A finding for a reader at a terminal, in lines of at most 80 columns. */
export function lineOf({ state, check, message, fix }: Finding): string {
  return paragraph(`${words[state].padEnd(8)} ${check.padEnd(17)} `, fix === undefined ? message : `${message} ${fix}`);
}
