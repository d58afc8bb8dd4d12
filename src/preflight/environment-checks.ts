import type { LogEntry } from '@temporalio/worker';
import type { ShellContext } from '../config/environment';
import type { Connection } from '../config/project';
import { resolveDestination } from '../config/references';
import { checkFolder } from '../durable-fs';
import { exitCodes } from '../errors';
import { translateDiskErrors } from '../sinks/sink';
import { readManifests } from '../sinks/files/manifest';
import { checkDatabase } from '../sinks/postgres/preflight';
import { translateStagingErrors } from '../staging/segment-io';
import { connect, type TemporalConnection } from '../temporal/connection';
import { locateTemporal, TemporalMissing } from '../temporal/embedded-server/binary';
import { readProfile, type TemporalTarget } from '../temporal/profile';
import { addSearchAttributes, findMissingSearchAttributes } from '../temporal/register-search-attributes';
import { installRuntime } from '../temporal/runtime';
import { describeMissingWorkers, hasWorkers } from '../temporal/worker';
import { createErrorFinding, createOkFinding, createWarning, type Finding, toErrorFinding } from './finding';

/** A server that runs answers at once, and the user is waiting. */
const connectTimeoutMs = 3_000;
/** gRPC's status code. */
const grpcNotFound = 5;
/** Less than this fills up soon during a sync of a large tenant. */
const lowSpaceBytes = 1024 ** 3;

export interface TemporalCheckOptions {
  taskQueue: string;
  /** Whether to add missing search attributes. */
  fix: boolean;
  onLogEntry: (entry: LogEntry) => void;
}

/** Checks the configured Temporal server, and what a sync needs there. */
export async function inspectTemporal({ env }: ShellContext, options: TemporalCheckOptions): Promise<Finding[]> {
  const check = 'temporal';
  try {
    const target = readProfile(env);
    if (target) return await inspectServer(target, options);
    const binary = locateTemporal(env);
    return [createOkFinding(check, `No server is configured; \`rollcall sync\` starts a local one with ${binary}.`)];
  } catch (error) {
    if (!(error instanceof TemporalMissing) || env.TEMPORAL_CLI_PATH) return [toErrorFinding(check, error)];
    const message = 'No `temporal` binary is on PATH or in the cache.';
    return [createWarning(check, message, '`rollcall sync` downloads one.')];
  }
}

async function inspectServer(target: TemporalTarget, options: TemporalCheckOptions): Promise<Finding[]> {
  installRuntime({ log: options.onLogEntry });
  const connection = await connect(target, { timeoutMs: connectTimeoutMs });
  try {
    const namespace = await inspectNamespace(connection, target);
    if (namespace.state !== 'ok') return [namespace];
    return [
      namespace,
      await inspectSearchAttributes(connection, options.fix),
      await inspectWorkers(connection, options.taskQueue),
    ];
  } finally {
    await connection.close();
  }
}

async function inspectNamespace(
  { client }: TemporalConnection,
  { address, namespace }: TemporalTarget,
): Promise<Finding> {
  const check = 'temporal';
  try {
    await client.workflowService.describeNamespace({ namespace });
    return createOkFinding(check, `${address} is reachable, namespace ${namespace}.`);
  } catch (error) {
    if ((error as { code?: number }).code !== grpcNotFound) {
      return createWarning(check, `${address} is reachable, but cannot describe namespace ${namespace}.`);
    }
    const message = `${address} is reachable, but has no namespace ${namespace}.`;
    const nextStep = `Set TEMPORAL_NAMESPACE, or run: temporal operator namespace create --namespace ${namespace}`;
    return createErrorFinding(check, exitCodes.usage, message, nextStep);
  }
}

async function inspectSearchAttributes(connection: TemporalConnection, fix: boolean): Promise<Finding> {
  const check = 'search attributes';
  try {
    const missing = await findMissingSearchAttributes(connection);
    if (missing.length === 0) return createOkFinding(check, 'All present.');
    if (!fix) {
      const message = `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing; syncs cannot be searched by them.`;
      return createWarning(check, message, 'Run `rollcall doctor --fix`.');
    }
    await addSearchAttributes(connection);
    return createOkFinding(check, `Added: ${missing.join(', ')}.`);
  } catch (error) {
    return createWarning(check, `Cannot read or add them: ${(error as Error).message}`);
  }
}

async function inspectWorkers(connection: TemporalConnection, taskQueue: string): Promise<Finding> {
  const check = 'worker';
  try {
    if (await hasWorkers(connection, taskQueue)) {
      return createOkFinding(check, `At least one worker polls task queue ${taskQueue}.`);
    }
    const { message, nextStep } = describeMissingWorkers(taskQueue);
    return createWarning(check, message, nextStep);
  } catch {
    // For some seconds after its registration, a namespace has no task queues to describe.
    const message = `The server does not describe task queue ${taskQueue}.`;
    return createWarning(check, message, 'If the namespace is new, run the command again in a minute.');
  }
}

/** Checks that the staging folder is writable and has free space. */
export async function inspectStaging(folder: string): Promise<Finding> {
  const check = 'staging';
  try {
    const { exists, freeBytes } = await translateStagingErrors(folder, () => checkFolder(folder));
    const message = `${folder} ${exists ? 'is writable' : 'can be created'}; ${formatBytes(freeBytes)} free.`;
    return freeBytes < lowSpaceBytes
      ? createWarning(check, message, 'Free disk space, or set ROLLCALL_STAGING to another folder.')
      : createOkFinding(check, message);
  } catch (error) {
    return toErrorFinding(check, error);
  }
}

/** Checks that a connection's destination is reachable and writable, without changing it. */
export async function inspectDestination(connection: Connection, shell: ShellContext): Promise<Finding> {
  const check = 'destination';
  try {
    const destination = await resolveDestination(connection, shell);
    if (destination.kind === 'postgres') {
      const streams = connection.streams.map(({ name }) => name);
      return createOkFinding(check, await checkDatabase(destination.url, destination.schema, streams));
    }
    const { folder } = destination;
    const { exists, freeBytes } = await translateDiskErrors(folder, () => checkFolder(folder));
    const { length } = await readManifests(folder);
    const state = exists ? `is writable and contains ${length} streams` : 'can be created';
    return createOkFinding(check, `${folder} ${state}; ${formatBytes(freeBytes)} free.`);
  } catch (error) {
    return toErrorFinding(check, error);
  }
}

function formatBytes(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3;
  return gigabytes >= 1 ? `${Math.floor(gigabytes)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
