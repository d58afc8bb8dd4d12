import axios from 'axios';
import { Agent as HttpsAgent } from 'node:https';
import { Agent as HttpAgent } from 'node:http';
import { Transient, UnexpectedAnswer } from './errors';

export interface HttpRequest {
  method: 'GET' | 'POST';
  url: string;
  /** Method and path template, for messages. */
  label: string;
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  /** By lower-case name. */
  headers: Readonly<Record<string, string | undefined>>;
  /** Decompressed. */
  body: Buffer;
}

/** `rateLimit`: the tenant's rate limit; `retry`: the pause before a retry. */
export type WaitReason = 'rateLimit' | 'retry';

/** Receives what a client sends and waits for, for metrics. Its functions must not throw. */
export interface RequestObserver {
  /**
   * A request ended, other than by its signal.
   * @param label method and path template: `GET organizations/{id}/members`
   * @param status undefined without a response
   */
  onRequestEnd(label: string, status: number | undefined): void;
  /** A wait ended, for a slot or before a retry. */
  onWaitEnd(reason: WaitReason, ms: number): void;
}

export interface HttpOptions {
  /** Default `rollcall`. */
  userAgent?: string;
  /** Longest time without data from the server, ms; a complete response may take ten times as long. Default 30,000. */
  timeoutMs?: number;
  /** Largest decompressed body. Default 256 MiB: a page has at most 100 users of 1 MB each. */
  maxBodyBytes?: number;
  observer?: Pick<RequestObserver, 'onRequestEnd'>;
}

export interface HttpClient {
  /**
   * Returns the response, whatever its status. Throws Transient without a response, UnexpectedAnswer when it is too large
   * or cannot be decompressed, and the signal's reason when aborted. No error contains the request, which carries a token.
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Closes all connections. */
  close(): void;
}

const unreachableCauses: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name cannot be resolved',
  EAI_AGAIN: 'the host name lookup failed',
  ECONNREFUSED: 'the connection was refused',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
};
const certificateErrorCode = /CERT|SIGNATURE|ERR_SSL|ERR_TLS/;
const interruptionCauses: Readonly<Record<string, string>> = {
  ECONNABORTED: 'the request timed out',
  ETIMEDOUT: 'the request timed out',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
};

export function createHttpClient({
  userAgent = 'rollcall',
  timeoutMs = 30_000,
  maxBodyBytes = 256 * 1024 * 1024,
  observer,
}: HttpOptions): HttpClient {
  const agents = { httpAgent: new HttpAgent({ keepAlive: true }), httpsAgent: new HttpsAgent({ keepAlive: true }) };
  const instance = axios.create({
    ...agents,
    timeout: timeoutMs,
    maxRedirects: 0,
    maxContentLength: maxBodyBytes,
    responseType: 'arraybuffer',
    // Only src/config reads the environment.
    proxy: false,
    validateStatus: () => true,
    transformRequest: (data: unknown) => data,
    transformResponse: (data: unknown) => data,
  });
  return {
    async send({ method, url, label, headers, body, signal }) {
      signal?.throwIfAborted();
      const controller = new AbortController();
      const abort = (): void => controller.abort();
      const deadline = setTimeout(abort, timeoutMs * 10);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        const response = await instance.request<Buffer>({
          method,
          url,
          data: body,
          signal: controller.signal,
          headers: { accept: 'application/json', 'user-agent': userAgent, ...headers },
        });
        observer?.onRequestEnd(label, response.status);
        return { status: response.status, headers: response.headers as HttpResponse['headers'], body: response.data };
      } catch (error) {
        signal?.throwIfAborted();
        observer?.onRequestEnd(label, undefined);
        throw classifyAxiosError(label, error);
      } finally {
        clearTimeout(deadline);
        signal?.removeEventListener('abort', abort);
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** By code, not by class: Node's own errors belong to another realm under some test runners. */
function classifyAxiosError(label: string, error: unknown): Transient | UnexpectedAnswer {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const unreachable = unreachableCauses[code];
  if (unreachable) return new Transient(label, unreachable, true);
  if (certificateErrorCode.test(code))
    return new Transient(label, `the host's certificate is not trusted (${code})`, true);
  if (message.startsWith('maxContentLength')) return new UnexpectedAnswer(label, 'the response is too large');
  if (code.startsWith('Z_')) return new UnexpectedAnswer(label, 'the response cannot be decompressed');
  if (code.startsWith('HPE_')) return new UnexpectedAnswer(label, 'the response is not HTTP');
  return new Transient(label, interruptionCauses[code] ?? `the connection was lost${code ? ` (${code})` : ''}`);
}
