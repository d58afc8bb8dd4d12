import { type JsonObject, toText } from '../src/json';
import type { Emulator } from '../src/server';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; undefined when it is not JSON. */
  body: JsonObject & JsonObject[];
}

export interface Visitor {
  token: string;
  get: (path: string, query?: Record<string, string | number | boolean>) => Promise<Reply>;
}

export async function requestToken(emulator: Emulator, form: Record<string, string> = {}): Promise<Reply> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: emulator.clientId,
    client_secret: emulator.clientSecret,
    audience: emulator.audience,
    ...form,
  });
  return readReply(await fetch(`${emulator.url}/oauth/token`, { method: 'POST', body }));
}

/** A client for paths below `/api/v2/`, with a token. */
export async function visit(emulator: Emulator): Promise<Visitor> {
  const token = toText((await requestToken(emulator)).body['access_token']);
  return {
    token,
    async get(path, query = {}) {
      const parameters = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
      const headers = { authorization: `Bearer ${token}` };
      return readReply(await fetch(`${emulator.url}/api/v2/${path}?${parameters.toString()}`, { headers }));
    },
  };
}

/** Sends a body to the control API, or reads from it without a body. */
export async function control(emulator: Emulator, path: string, body?: unknown): Promise<Reply> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const headers = { 'content-type': 'application/json' };
  return readReply(await fetch(`${emulator.url}/_emulator/${path}`, { ...init, headers }));
}

async function readReply(response: Response): Promise<Reply> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parseOrNothing(text) as Reply['body'] };
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads all rows of a list by checkpoint. */
export async function readAll(
  visitor: Visitor,
  path: string,
  list: string,
  query: Record<string, string | number | boolean>,
): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  let from: string | undefined;
  do {
    const { status, text, body } = await visitor.get(path, {
      take: 100,
      ...query,
      ...(from !== undefined && { from }),
    });
    if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
    rows.push(...(body[list] as JsonObject[]));
    from = body['next'] as string | undefined;
  } while (from !== undefined);
  return rows;
}
