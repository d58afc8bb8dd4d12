import type { LogEntry } from '@temporalio/worker';
import type { ShellContext } from '../config/environment';
import type { Connection } from '../config/project';
import { resolveDestination } from '../config/references';
import { checkFolder } from '../durable-fs';
import { exitCodes } from '../errors';
import { translateDiskErrors } from '../sinks/destination';
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

/** Whoever looks waits: a server that is there answers at once. */
const temporalConnectTimeoutMs = 3_000;
/** gRPC's code. */
const grpcNotFound = 5;

/** Looks at the Temporal server that the environment names, and at what a sync needs there. */
export async function inspectTemporal(
  { env }: ShellContext,
  { taskQueue, fix, onLogEntry }: { taskQueue: string; fix: boolean; onLogEntry: (entry: LogEntry) => void },
): Promise<Finding[]> {
  let target: TemporalTarget | undefined;
  try {
    target = readProfile(env);
    if (!target) {
      const binary = locateTemporal(env);
      return [
        createOkFinding('temporal', `No server is configured; \`rollcall sync\` starts a local one with ${binary}.`),
      ];
    }
    installRuntime({ log: onLogEntry });
    const connection = await connect(target, { patienceMs: temporalConnectTimeoutMs });
    try {
      return await inspectServer(connection, target, taskQueue, fix);
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (error instanceof TemporalMissing && !env.TEMPORAL_CLI_PATH) {
      const message = 'No `temporal` binary is on PATH or in the cache.';
      return [createWarning('temporal', message, '`rollcall sync` downloads one.')];
    }
    return [toErrorFinding('temporal', error)];
  }
}

async function inspectServer(
  connection: TemporalConnection,
  { address, namespace }: TemporalTarget,
  taskQueue: string,
  fix: boolean,
): Promise<Finding[]> {
  try {
    await connection.client.workflowService.describeNamespace({ namespace });
  } catch (error) {
    const message = `${address} is reachable, but has no namespace ${namespace}.`;
    const nextStep = `Set TEMPORAL_NAMESPACE, or run: temporal operator namespace create --namespace ${namespace}`;
    return (error as { code?: number }).code === grpcNotFound
      ? [createErrorFinding('temporal', exitCodes.usage, message, nextStep)]
      : [createWarning('temporal', `${address} is reachable, but cannot describe namespace ${namespace}.`)];
  }
  return [
    createOkFinding('temporal', `${address} is reachable, namespace ${namespace}.`),
    await inspectSearchAttributes(connection, fix),
    await inspectWorkers(connection, taskQueue),
  ];
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
  if (await hasWorkers(connection, taskQueue))
    return createOkFinding('worker', `At least one worker polls task queue ${taskQueue}.`);
  const { message, nextStep } = describeMissingWorkers(taskQueue);
  return createWarning('worker', message, nextStep);
}

/** Pages of a slice, of many streams: with less, a large tenant soon fills the disk. */
const lowSpaceBytes = 1024 ** 3;

/** Looks whether staging can be written, and has room. */
export async function inspectStaging(folder: string): Promise<Finding> {
  try {
    const { exists, freeBytes } = await translateStagingErrors(folder, () => checkFolder(folder));
    const message = `${folder} ${exists ? 'is writable' : 'can be created'}; ${formatBytes(freeBytes)} free.`;
    return freeBytes < lowSpaceBytes
      ? createWarning('staging', message, 'Free disk space, or set ROLLCALL_STAGING to another folder.')
      : createOkFinding('staging', message);
  } catch (error) {
    return toErrorFinding('staging', error);
  }
}

/** Looks whether a connection's destination can be reached and written, as far as can be told without changing it. */
export async function inspectDestination(connection: Connection, shell: ShellContext): Promise<Finding> {
  try {
    const destination = await resolveDestination(connection, shell);
    if (destination.kind === 'postgres') {
      const streams = connection.streams.map(({ name }) => name);
      return createOkFinding('destination', await checkDatabase({ ...destination, streams }));
    }
    const { folder } = destination;
    const { exists, freeBytes } = await translateDiskErrors(folder, () => checkFolder(folder));
    const streams = (await readManifests(folder)).length;
    const state = exists ? `is writable and contains ${streams} streams` : 'can be created';
    return createOkFinding('destination', `${folder} ${state}; ${formatBytes(freeBytes)} free.`);
  } catch (error) {
    return toErrorFinding('destination', error);
  }
}

function formatBytes(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3;
  return gigabytes >= 1 ? `${Math.floor(gigabytes)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
