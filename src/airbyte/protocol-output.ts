import { format } from 'node:util';
import type { Writable } from 'node:stream';
import { exitCodes, RollcallError } from '../errors';
import { formatLogLine, formatMessageLine, type LogLevel, logLevels } from './messages';

/** Keys of a message that contain free text. */
const freeTextKeys = new Set(['message', 'internal_message', 'stack_trace']);

/** Messages with free text. RECORD, STATE, SPEC and CATALOG are data, which must not be changed. */
const freeTextMessage = /^\{"type":"(?:LOG|TRACE|CONNECTION_STATUS)"/;

/** Replaces every secret in the text by `****`, also in form-encoded text and in JSON strings. */
export function maskSecrets(text: string, secrets: Iterable<string>): string {
  return [...new Set([...secrets].flatMap(listEncodings))]
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length) // longest first: a shorter secret must not leave the end of a longer one
    .reduce((masked, form) => masked.replaceAll(form, '****'), text);
}

/** Masks secrets in the free text of a message. Other values (`INFO`, `ERROR`) never change, even when a secret equals them. */
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

/** The reader of standard output has closed it. */
export class BrokenPipe extends RollcallError {
  readonly failureType = 'system_error';
  override get exitCode(): number {
    return exitCodes.brokenPipe;
  }
}

interface OutputOptions {
  /** The least severe level of LOG messages that are written. */
  level: LogLevel;
  /** Values to mask in the free text of every message. May grow while the output is in use, by fetched tokens. */
  secrets: ReadonlySet<string>;
  /** Bytes collected before a write. Default 48 KiB. */
  batchBytes?: number;
}

/** Writes protocol messages, in the order in which they arrive. */
export interface Output {
  /**
   * Takes a line of ASCII that ends in "\n". When a batch is full, returns a promise that resolves after the reader has taken
   * everything. Callers await it to bound the memory. After the first failure it rejects with BrokenPipe or the stream's error.
   */
  write(line: string): Promise<void> | undefined;
  /** Writes a LOG line in the background. The next `write` or `flush` reports a failure. */
  log(level: LogLevel, message: string, stackTrace?: string): void;
  /** Resolves when the reader has taken every line. */
  flush(): Promise<void>;
  /** Writes `console.*` and Node's warnings as LOG lines, until the returned function is called. */
  captureConsole(): () => void;
}

export function createOutput(stream: Writable, options: OutputOptions): Output {
  const batchBytes = options.batchBytes ?? 48 * 1024;
  const threshold = logLevels.indexOf(options.level);
  let pending = '';
  let pushing: Promise<void> | undefined;
  let scheduled = false;
  let failure: Error | undefined;

  stream.on('error', (error) => (failure ??= toOutputError(error)));

  function push(): Promise<void> {
    pushing ??= drain().finally(() => (pushing = undefined));
    return pushing;
  }

  /** Writes one chunk at a time. Lines that arrive meanwhile form the next one. */
  async function drain(): Promise<void> {
    while (pending !== '' && !failure) {
      const chunk = pending;
      pending = '';
      const error = await new Promise<Error | null | undefined>((done) => stream.write(chunk, 'latin1', done));
      if (error) failure ??= toOutputError(error);
    }
    if (failure) throw failure;
  }

  function write(line: string): Promise<void> | undefined {
    if (!failure) pending += maskLine(line, options.secrets);
    return failure || pending.length >= batchBytes ? push() : undefined;
  }

  function log(level: LogLevel, message: string, stackTrace?: string): void {
    if (logLevels.indexOf(level) > threshold || failure) return;
    pending += maskLine(formatLogLine(level, message, stackTrace), options.secrets);
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      push().catch(() => undefined); // stored in `failure`
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
