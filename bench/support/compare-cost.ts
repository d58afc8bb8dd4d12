import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readerScopes,
  secretScopes,
  truthReaders,
  truthStreams,
  findSecrets,
  startEmulator,
  type Emulator,
  type RateLimits,
  type TenantScenario,
} from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import type { ReadTask, Reader } from './compare-readers';
import { countDistinct, countRows, lastStates, parseMessages, readRows, type Row, type RowCount } from './compare-rows';
import { withFolder } from './project';

export { secretScopes };

/** The tenant that every reader reads. Its application may read secrets. */
export interface ComparedTenant {
  scenario: TenantScenario;
  rateLimits: RateLimits;
  latencyMs: number;
}

/** What a reader did in one run from start to end. */
export interface ReadCost {
  /** Requests to the Management API, those that were refused included. */
  requests: number;
  /** Requests that were refused with a 429. */
  refused: number;
  /** From the start of the process to its end. */
  seconds: number;
  exitCode: number | null;
  rows: RowCount;
  /** Rows of the output that are gone after a destination removed duplicates by the reader's keys; absent without keys. */
  mergedByKeys?: number;
  /** Different secrets in the output. */
  secrets: number;
  /** Errors that an Airbyte source reported: stream and message. */
  errors: string[];
}

/** What a run that was killed in the middle and a second run did together. */
export interface KillCost {
  /** Requests until the kill. */
  requestsBefore: number;
  /** Requests of the second run. */
  requestsAfter: number;
  /** Rows that the killed run had written. */
  rowsBefore: number;
  /** Rows of the tenant that were written more than once. */
  rowsTwice: number;
  /** Rows that neither run wrote. */
  lost: number;
}

/** Lets the reader read a new tenant once. */
export function measureRead(reader: Reader, options: ComparedTenant): Promise<ReadCost> {
  return atTenant(options, async (tenant, task) => {
    const { command, keys, destination = task.output } = await reader.prepare(task);
    tenant.resetStatistics();
    const startedAt = performance.now();
    const { exitCode } = await runRead(command, task);
    const seconds = (performance.now() - startedAt) / 1_000;
    const { requests, rateLimited } = tenant.readStatistics();
    const { text, messages, rows } = await readOutput(destination);
    return {
      requests,
      refused: rateLimited,
      seconds,
      exitCode,
      rows: countRows(tenantRows(tenant), rows),
      ...(keys && { mergedByKeys: rows.length - countDistinct(rows, keys) }),
      secrets: new Set(findSecrets(text)).size,
      errors: readErrors(messages),
    };
  });
}

/**
 * Kills the reader by SIGKILL when it sends its request number `killAt`, and runs it again: in the same folder, with the
 * states that the killed run had written.
 */
export function measureKill(reader: Reader, options: ComparedTenant, killAt: number): Promise<KillCost> {
  return atTenant(options, async (tenant, task) => {
    const first = await reader.prepare(task);
    const { destination = task.output } = first;
    tenant.resetStatistics();
    const killed = await runRead(first.command, task, (child) => {
      tenant.onRequest(killAt, () => void child.kill('SIGKILL'));
    });
    if (killed.signal !== 'SIGKILL') throw new Error(`${reader.name} ended before request ${killAt}`);
    const { requests: requestsBefore } = tenant.readStatistics();
    const before = await readOutput(destination);
    const second = await reader.prepare({ ...task, states: lastStates(before.messages) });
    tenant.resetStatistics();
    await runRead(second.command, task);
    const { requests: requestsAfter } = tenant.readStatistics();
    const after = await readOutput(destination);
    const rows = first.destination === undefined ? [...before.rows, ...after.rows] : after.rows;
    const { expected, delivered, repeated } = countRows(tenantRows(tenant), rows);
    const rowsBefore = before.rows.length;
    return { requestsBefore, requestsAfter, rowsBefore, rowsTwice: repeated, lost: expected - delivered };
  });
}

/** What the tenant contains, for a caption. */
export async function countTenant(options: ComparedTenant): Promise<Record<string, number>> {
  return atTenant(options, (tenant) => {
    const counts: Record<string, number> = {};
    for (const { stream } of tenantRows(tenant)) counts[stream] = (counts[stream] ?? 0) + 1;
    return Promise.resolve(counts);
  });
}

/** Starts a tenant for as long as the work takes. */
export function atTenant<T>(
  { scenario, rateLimits, latencyMs }: ComparedTenant,
  work: (tenant: Emulator, task: ReadTask) => Promise<T>,
): Promise<T> {
  return withFolder(async (folder) => {
    const scopes = [...readerScopes, ...secretScopes];
    const tenant = await startEmulator({ scenario, rateLimits, latencyMs, scopes });
    try {
      return await work(tenant, { tenant, folder, states: [], output: join(folder, 'rows.jsonl') });
    } finally {
      await tenant.close();
    }
  });
}

function tenantRows({ tenant }: Emulator): Row[] {
  return truthStreams.flatMap((stream) =>
    [...truthReaders[stream](tenant)].map(({ content: data }) => ({ stream, data })),
  );
}

interface EndedRead {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

async function runRead(
  [program = '', ...args]: string[],
  { folder, output }: ReadTask,
  onStart: (child: ChildProcess) => void = () => undefined,
): Promise<EndedRead> {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, ...env } = process.env;
  const files = [openSync(output, 'w'), openSync(join(folder, 'stderr.log'), 'a')] as const;
  try {
    const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', ...files] });
    onStart(child);
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { exitCode, signal };
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** @param path a file, or a folder with files of JSON lines */
async function readOutput(path: string): Promise<{ text: string; messages: JsonObject[]; rows: Row[] }> {
  const text = (await listFiles(path)).map((file) => readFileSync(file, 'utf8')).join('\n');
  const messages = parseMessages(text);
  return { text, messages, rows: readRows(messages) };
}

async function listFiles(path: string): Promise<string[]> {
  // A reader that is killed early has no folder yet.
  const found = await stat(path).catch(() => undefined);
  if (!found) return [];
  if (found.isFile()) return [path];
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => name.endsWith('.jsonl')).map((name) => join(path, name));
}

/** The errors of single streams; the internal message says more than the one for users. */
function readErrors(messages: readonly JsonObject[]): string[] {
  return messages.flatMap(({ trace }) => {
    const { error } = (trace ?? {}) as { error?: TracedError };
    if (!error?.stream_descriptor) return [];
    return [`${error.stream_descriptor.name}: ${error.internal_message ?? error.message}`];
  });
}

interface TracedError {
  message: string;
  internal_message?: string | null;
  stream_descriptor?: { name: string } | null;
}
