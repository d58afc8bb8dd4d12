import { formatErrorLine } from '../airbyte/messages';
import type { Output } from '../airbyte/protocol-output';
import { exitCodes, getExitCodeByName } from '../errors';

interface NamedError {
  name: string;
  message: string;
  stack?: string;
}

function toNamedError(error: unknown): NamedError {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error
    ? (error as NamedError)
    : { name: 'Error', message: String(error) };
}

/** Errors of the language itself are faults of ours: where they arose is what can be reported. */
const programmingErrors = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/** Tells an operator on stderr what went wrong; a stack only for faults of ours. */
export function failOnTerminal(error: unknown): number {
  const { name, message, stack } = toNamedError(error);
  const code = getExitCodeByName(name);
  process.stderr.write(`rollcall: ${programmingErrors.has(name) ? (stack ?? message) : message}\n`);
  return code;
}

/** Tells an Airbyte caller on stdout what went wrong, as a TRACE ERROR. */
export async function failOnOutput(output: Output, error: unknown): Promise<number> {
  const { name, message, stack } = toNamedError(error);
  const code = getExitCodeByName(name);
  if (code === exitCodes.brokenPipe) return code;
  const ours = code === exitCodes.failed;
  const failureType = ours ? 'system_error' : code === exitCodes.unreachable ? 'transient_error' : 'config_error';
  await output.write(
    formatErrorLine(
      { message, failureType, internalMessage: name, ...(ours && stack ? { stackTrace: stack } : {}) },
      Date.now(),
    ),
  );
  await output.flush();
  return code;
}
