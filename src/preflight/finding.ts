import { exitCodes, RollcallError, toFailureDetails } from '../errors';
import { defined } from '../json';

/** Result of one preflight check. */
export interface Finding {
  /** Name of the check: `configuration`, `temporal`, `scopes`, … */
  check: string;
  /** Absent for what all connections share. */
  connection?: string;
  state: 'ok' | 'warning' | 'error';
  message: string;
  /** What the user can do. */
  fix?: string;
  /** Exit code of an error. */
  code?: number;
}

export function createOkFinding(check: string, message: string): Finding {
  return { check, state: 'ok', message };
}

export function createWarning(check: string, message: string, fix?: string): Finding {
  return { check, state: 'warning', message, ...defined({ fix }) };
}

export function createErrorFinding(check: string, code: number, message: string, fix?: string): Finding {
  return { check, state: 'error', message, ...defined({ fix }), code };
}

export function toErrorFinding(check: string, error: unknown): Finding {
  const [message, fix] = error instanceof RollcallError ? [error.what, error.nextStep] : [(error as Error).message];
  return createErrorFinding(check, toFailureDetails(error).exitCode, message, fix);
}

/** The exit code of the worst finding: unavailable before rejected credentials before an invalid file. */
export function getFindingsExitCode(findings: readonly Finding[]): number {
  return Math.max(exitCodes.ok, ...findings.map(({ code = exitCodes.ok }) => code));
}
