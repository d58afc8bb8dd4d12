import { format } from 'node:util';
import type { Writable } from 'node:stream';
import { exitCodes, RollcallError } from '../errors';
import { formatLogLine, formatMessageLine, type LogLevel, logLevels } from './messages';

/** Keys of a message under which free text stands. */
const freeTextKeys = new Set(['message', 'internal_message', 'stack_trace']);

/** Messages that carry free text; RECORD, STATE, SPEC and CATALOG are data and must not be altered. */
const freeTextMessage = /^\{"type":"(?:LOG|TRACE|CONNECTION_STATUS)"/;

/** Replaces every secret in the text, also where it stands form-encoded or inside a JSON string, by `****`. */
export function maskSecrets(text: string, secrets: Iterable<string>): string {
  return [...new Set([...secrets].flatMap(listEncodings))]
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length) // a secret that begins like a longer one must not leave the longer one's tail
    .reduce((masked, form) => masked.replaceAll(form, '****'), text);
}

/** Masks the free text of a protocol message's line; the message's own words (`INFO`, `ERROR`) stay whatever a secret is. */
export function maskLine(line: string, secrets: ReadonlySet<string>): string {
  if (secrets.size === 0 || !freeTextMessage.test(line)) return line;
  return formatMessageLine(
    JSON.parse(line, (key, value: unknown) =>
      typeof value === 'string' && freeTextKeys.has(key) ? maskSecrets(value, secrets) : value,
    ) as object,
  );
}

function listEncodings(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), new URLSearchParams([['', secret]]).toString().slice(1)];
}

/** Whoever read our output has gone; there is nobody left to tell. */
export class BrokenPipe extends RollcallError {
  override readonly name = 'BrokenPipe';
  readonly failureType = 'system_error';
  override get exitCode(): number {
    return exitCodes.brokenPipe;
  }
}

export interface OutputOptions {
  /** The least grave level of LOG that is written. */
  level: LogLevel;
  /** Values hidden in the free text of every message. May grow while the output is in use (fetched tokens). */
  secrets: ReadonlySet<string>;
  /** Bytes gathered before they are handed over. Default 48 KiB. */
  batchBytes?: number;
}

/** The one way out for protocol messages. Lines leave in the order in which they came. */
export interface Output {
  /**
   * Takes a line of ASCII that ends in "\n". When a batch is full, the promise resolves once the reader has taken all;
   * until then memory stays as it is. Rejects with BrokenPipe, or with the stream's own error, from the first failure on.
   */
  write(line: string): Promise<void> | undefined;
  /** Writes a LOG line soon, without waiting for it; a failure shows at the next `write` or `flush`. */
  log(level: LogLevel, message: string, stackTrace?: string): void;
  /** Resolves when every line so far has been handed to the reader's end. */
  flush(): Promise<void>;
  /** From now on `console.*` and Node's warnings become LOG lines. Returns the function that undoes it. */
  captureConsole(): () => void;
}

export function createOutput(stream: Writable, options: OutputOptions): Output {
  const batchBytes = options.batchBytes ?? 48 * 1024;
  const threshold = logLevels.indexOf(options.level);
  let waiting = '';
  let pushing: Promise<void> | undefined;
  let scheduled = false;
  let failure: Error | undefined;

  stream.on('error', (error) => (failure ??= toOutputError(error)));

  function push(): Promise<void> {
    pushing ??= drain().finally(() => (pushing = undefined));
    return pushing;
  }

  /** One chunk is under way at a time; what comes meanwhile makes the next one. */
  async function drain(): Promise<void> {
    while (waiting !== '' && !failure) {
      const chunk = waiting;
      waiting = '';
      await handOver(chunk);
    }
    if (failure) throw failure;
  }

  function handOver(chunk: string): Promise<void> {
    return new Promise((resolve) => {
      stream.write(chunk, 'latin1', (error) => {
        if (error) failure ??= toOutputError(error);
        resolve();
      });
    });
  }

  function write(line: string): Promise<void> | undefined {
    if (!failure) waiting += maskLine(line, options.secrets);
    return failure || waiting.length >= batchBytes ? push() : undefined;
  }

  function log(level: LogLevel, message: string, stackTrace?: string): void {
    if (logLevels.indexOf(level) > threshold || failure) return;
    waiting += maskLine(formatLogLine(level, message, stackTrace), options.secrets);
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      push().catch(() => undefined); // kept in `failure`
    });
  }

  return { write, log, flush: push, captureConsole: () => captureConsole(log) };
}

function toOutputError(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  return code && closedPipeCodes.has(code)
    ? new BrokenPipe('the reader closed the output', undefined, { cause: error })
    : error;
}

const closedPipeCodes = new Set(['EPIPE', 'ECONNRESET', 'EOF', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

const consoleLevels = {
  log: 'INFO',
  info: 'INFO',
  dir: 'INFO',
  debug: 'DEBUG',
  trace: 'DEBUG',
  warn: 'WARN',
  error: 'ERROR',
} as const satisfies Partial<Record<keyof Console, LogLevel>>;

function captureConsole(log: Output['log']): () => void {
  const original = { ...console };
  for (const [method, level] of Object.entries(consoleLevels)) {
    Object.assign(console, { [method]: (...words: unknown[]) => log(level, format(...words)) });
  }
  const printers = process.listeners('warning');
  const onWarning = (warning: Error) => log('WARN', `${warning.name}: ${warning.message}`);
  process.removeAllListeners('warning').on('warning', onWarning);
  return () => {
    Object.assign(console, original);
    process.off('warning', onWarning);
    for (const printer of printers) process.on('warning', printer);
  };
}
