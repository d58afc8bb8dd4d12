import type { Output } from '../airbyte/output';
import { errorLine } from '../airbyte/messages';
import { exitCodeOf, exitCodes } from './exit';

interface NamedError {
  name: string;
  message: string;
  stack?: string;
}

function named(error: unknown): NamedError {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error
    ? (error as NamedError)
    : { name: 'Error', message: String(error) };
}

/** Errors of the language itself are faults of ours: where they arose is what can be reported. */
const faults = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/** Tells an operator on stderr what went wrong; a stack only for faults of ours. */
export function failOnTerminal(error: unknown): number {
  const { name, message, stack } = named(error);
  const code = exitCodeOf(name);
  process.stderr.write(`rollcall: ${faults.has(name) ? (stack ?? message) : message}\n`);
  return code;
}

/** Tells an Airbyte caller on stdout what went wrong, as a TRACE ERROR. */
export async function failOnOutput(output: Output, error: unknown): Promise<number> {
  const { name, message, stack } = named(error);
  const code = exitCodeOf(name);
  if (code === exitCodes.brokenPipe) return code;
  const ours = code === exitCodes.failed;
  const failureType = ours ? 'system_error' : code === exitCodes.unreachable ? 'transient_error' : 'config_error';
  await output.write(
    errorLine(
      { message, failureType, internalMessage: name, ...(ours && stack ? { stackTrace: stack } : {}) },
      Date.now(),
    ),
  );
  await output.flush();
  return code;
}
