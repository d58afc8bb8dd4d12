import { getProcessVariables } from '../config/environment';
import { locateTemporal } from '../temporal/binary';
import { connect, type TemporalConnection } from '../temporal/connection';
import { readProfile, type TemporalTarget } from '../temporal/profile';
import { installRuntime } from '../temporal/runtime';
import { addSearchAttributes, findMissingSearchAttributes } from '../temporal/search-attributes';
import { hasWorkers } from '../temporal/task-queue';
import { exitCodes } from './exit';
import { createOkFinding, createWarning, createErrorFinding, toErrorFinding, type Finding } from './finding';

/** Whoever looks waits: a server that is there answers at once. */
const temporalConnectTimeoutMs = 3_000;
/** gRPC's code. */
const grpcNotFound = 5;

/** Looks at the Temporal server that the environment names, and at what a sync needs there. */
export async function inspectTemporal(taskQueue: string, fix: boolean): Promise<Finding[]> {
  const variables = getProcessVariables();
  let target: TemporalTarget | undefined;
  try {
    target = readProfile(variables);
    if (!target) {
      const binary = locateTemporal(variables);
      return [createOkFinding('temporal', `No server is named: \`rollcall sync\` starts one of its own, with ${binary}.`)];
    }
    installRuntime();
    const connection = await connect(target, { patienceMs: temporalConnectTimeoutMs });
    try {
      return await inspectServer(connection, target, taskQueue, fix);
    } finally {
      await connection.close();
    }
  } catch (error) {
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
    const message = `${address} answers, but has no namespace ${namespace}.`;
    const nextStep = `Set TEMPORAL_NAMESPACE, or run: temporal operator namespace create --namespace ${namespace}`;
    return (error as { code?: number }).code === grpcNotFound
      ? [createErrorFinding('temporal', exitCodes.usage, message, nextStep)]
      : [createWarning('temporal', `${address} answers, but does not tell of the namespace ${namespace}.`)];
  }
  return [
    createOkFinding('temporal', `${address} answers, namespace ${namespace}.`),
    await inspectSearchAttributes(connection, fix),
    await inspectWorkers(connection, taskQueue),
  ];
}

async function inspectSearchAttributes(connection: TemporalConnection, fix: boolean): Promise<Finding> {
  const check = 'search attributes';
  try {
    const missing = await findMissingSearchAttributes(connection);
    if (missing.length === 0) return createOkFinding(check, 'All are there.');
    if (!fix) {
      const message = `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing: syncs can't be found by them.`;
      return createWarning(check, message, 'Run: rollcall doctor --fix');
    }
    await addSearchAttributes(connection);
    return createOkFinding(check, `Added: ${missing.join(', ')}.`);
  } catch (error) {
    return createWarning(check, `They can't be looked at or added: ${(error as Error).message}`);
  }
}

async function inspectWorkers(connection: TemporalConnection, taskQueue: string): Promise<Finding> {
  if (await hasWorkers(connection, taskQueue)) return createOkFinding('worker', `One or more listen on task queue ${taskQueue}.`);
  return createWarning(
    'worker',
    `None listens on task queue ${taskQueue}: syncs wait for one.`,
    'Start `rollcall worker` with the same TEMPORAL_ADDRESS.',
  );
}
