import { exitCodes, isRollcallError, toFailureDetails } from '../errors';

/** What one look at the set-up has found. */
export interface Finding {
  /** What was looked at: `configuration`, `temporal`, `scopes`, … */
  check: string;
  /** Absent for what all connections share. */
  connection?: string;
  state: 'ok' | 'warning' | 'error';
  message: string;
  /** What to do about it. */
  fix?: string;
  /** Exit code of what is wrong. */
  code?: number;
}

export function createOkFinding(check: string, message: string): Finding {
  return { check, state: 'ok', message };
}

export function createWarning(check: string, message: string, fix?: string): Finding {
  return { check, state: 'warning', message, ...(fix !== undefined && { fix }) };
}

export function createErrorFinding(check: string, code: number, message: string, fix?: string): Finding {
  return { check, state: 'error', message, ...(fix !== undefined && { fix }), code };
}

/** An error as a finding. */
export function toErrorFinding(check: string, error: unknown): Finding {
  const { exitCode } = toFailureDetails(error);
  if (isRollcallError(error)) return createErrorFinding(check, exitCode, error.what, error.nextStep);
  return createErrorFinding(check, exitCode, (error as Error).message);
}

/** The code of the worst finding: what can't be reached is worse than what is refused, and that than a wrong file. */
export function getFindingsExitCode(findings: readonly Finding[]): number {
  return Math.max(exitCodes.ok, ...findings.map(({ code = exitCodes.ok }) => code));
}
