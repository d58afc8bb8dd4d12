import { formatErrorLine } from '../airbyte/messages';
import { BrokenPipe, type Output } from '../airbyte/protocol-output';
import type { Log } from '../app/command-context';
import { isRollcallError, toFailureDetails } from '../errors';

/** Errors of the language are faults in Rollcall: the stack shows where. Compared by name, since Jest has its own classes. */
const programmingErrors = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/** Reports an error to an operator on stderr, with a stack for faults in Rollcall. Returns the exit code. */
export function failOnTerminal(log: Pick<Log, 'warn'>, error: unknown): number {
  const { name, message, stack } = toError(error);
  log.warn(`rollcall: ${programmingErrors.has(name) ? (stack ?? message) : message}`);
  return toFailureDetails(error).exitCode;
}

/** Reports an error to an Airbyte caller as a TRACE ERROR on stdout. Returns the exit code. */
export async function failOnOutput(output: Output, error: unknown): Promise<number> {
  const { failureType, exitCode } = toFailureDetails(error);
  if (error instanceof BrokenPipe) return exitCode;
  const { name, message, stack } = toError(error);
  const stackTrace = isRollcallError(error) ? undefined : stack;
  const report = { message, failureType, internalMessage: name, ...(stackTrace !== undefined && { stackTrace }) };
  await output.write(formatErrorLine(report, Date.now()));
  await output.flush();
  return exitCode;
}

function toError(error: unknown): Pick<Error, 'name' | 'message' | 'stack'> {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error
    ? (error as Error)
    : { name: 'Error', message: String(error) };
}
