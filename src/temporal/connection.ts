import { NativeConnection } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import { sleep, withTimeout } from '../async';
import { RollcallError } from '../errors';
import { dataConverter } from './data-converter';
import type { TemporalTarget } from './profile';

export interface TemporalConnection {
  /** For workers. */
  native: NativeConnection;
  /** Over the same connection. */
  client: Client;
  namespace: string;
  /** Call it after the last worker on the connection has stopped. */
  close(): Promise<void>;
}

/** No Temporal server could be reached at the address. */
export class TemporalUnreachable extends RollcallError {
  readonly failureType = 'transient_error';
  constructor(address: string, cause: unknown) {
    super(
      `no Temporal server could be reached at ${address}: ${extractCoreMessage(cause as Error)}.`,
      'Check that it is running and that TEMPORAL_ADDRESS (or your Temporal profile) has the right address, TLS settings and ' +
        'API key. Without an address, Rollcall starts a local server.',
      { cause },
    );
  }
}

/** Core's message is the printed form of nested errors. The innermost message is the readable one. */
function extractCoreMessage({ message }: Error): string {
  return /.*message: "([^"]+)"/s.exec(message)?.[1] ?? message;
}

const connectTimeoutMs = 10_000;
/** A local server refuses calls for about 10 ms after its port opens. */
const firstRetryDelayMs = 20;
const maxRetryDelayMs = 500;

/**
 * Connects. Retries for `timeoutMs` (default 10 s) while the server starts or is unreachable. Throws TemporalUnreachable, or
 * the reason of `signal` when it is aborted.
 */
export async function connect(
  target: TemporalTarget,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<TemporalConnection> {
  const { namespace, ...connectionOptions } = target;
  const deadline = performance.now() + (options.timeoutMs ?? connectTimeoutMs);
  for (let delay = firstRetryDelayMs; ; delay = Math.min(delay * 1.5, maxRetryDelayMs)) {
    options.signal?.throwIfAborted();
    try {
      const native = await awaitConnection(deadline, NativeConnection.connect(connectionOptions), options.signal);
      const client = new Client({ connection: native, namespace, dataConverter });
      return { native, client, namespace, close: () => native.close() };
    } catch (error) {
      options.signal?.throwIfAborted();
      const isTransient = (error as Error).name === 'TransportError';
      if (!isTransient || performance.now() + delay > deadline) throw new TemporalUnreachable(target.address, error);
    }
    await sleep(delay);
  }
}

/** An attempt may hang for minutes where packets are dropped. One that succeeds too late is closed. */
async function awaitConnection(
  deadline: number,
  attempt: Promise<NativeConnection>,
  signal: AbortSignal | undefined,
): Promise<NativeConnection> {
  try {
    const native = await withTimeout(attempt, deadline - performance.now(), signal);
    if (native !== undefined) return native;
    throw new Error('the connection attempt timed out');
  } catch (error) {
    attempt.then((late) => late.close()).catch(() => undefined);
    throw error;
  }
}
