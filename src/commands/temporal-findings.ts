import { processVariables } from '../config/environment';
import { locateTemporal } from '../temporal/binary';
import { connect, type TemporalConnection } from '../temporal/connection';
import { readProfile, type TemporalTarget } from '../temporal/profile';
import { installRuntime } from '../temporal/runtime';
import { addSearchAttributes, missingSearchAttributes } from '../temporal/search-attributes';
import { hasWorkers } from '../temporal/task-queue';
import { exitCodes } from './exit';
import { ok, warning, wrong, wrongOf, type Finding } from './finding';

/** Whoever looks waits: a server that is there answers at once. */
const patienceMs = 3_000;
/** gRPC's code. */
const notFound = 5;

/** Looks at the Temporal server that the environment names, and at what a sync needs there. */
export async function temporalFindings(taskQueue: string, fix: boolean): Promise<Finding[]> {
  const variables = processVariables();
  let target: TemporalTarget | undefined;
  try {
    target = readProfile(variables);
    if (!target) {
      const binary = locateTemporal(variables);
      return [ok('temporal', `No server is named: \`rollcall sync\` starts one of its own, with ${binary}.`)];
    }
    installRuntime();
    const connection = await connect(target, { patienceMs });
    try {
      return await serverFindings(connection, target, taskQueue, fix);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return [wrongOf('temporal', error)];
  }
}

async function serverFindings(
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
    return (error as { code?: number }).code === notFound
      ? [wrong('temporal', exitCodes.usage, message, nextStep)]
      : [warning('temporal', `${address} answers, but does not tell of the namespace ${namespace}.`)];
  }
  return [
    ok('temporal', `${address} answers, namespace ${namespace}.`),
    await attributesFinding(connection, fix),
    await workerFinding(connection, taskQueue),
  ];
}

async function attributesFinding(connection: TemporalConnection, fix: boolean): Promise<Finding> {
  const check = 'search attributes';
  try {
    const missing = await missingSearchAttributes(connection);
    if (missing.length === 0) return ok(check, 'All are there.');
    if (!fix) {
      const message = `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing: syncs can't be found by them.`;
      return warning(check, message, 'Run: rollcall doctor --fix');
    }
    await addSearchAttributes(connection);
    return ok(check, `Added: ${missing.join(', ')}.`);
  } catch (error) {
    return warning(check, `They can't be looked at or added: ${(error as Error).message}`);
  }
}

async function workerFinding(connection: TemporalConnection, taskQueue: string): Promise<Finding> {
  if (await hasWorkers(connection, taskQueue)) return ok('worker', `One or more listen on task queue ${taskQueue}.`);
  return warning(
    'worker',
    `None listens on task queue ${taskQueue}: syncs wait for one.`,
    'Start `rollcall worker` with the same TEMPORAL_ADDRESS.',
  );
}
