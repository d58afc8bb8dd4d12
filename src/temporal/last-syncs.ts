import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporalConnection } from './connection';
import { toWorkflowId } from './sync-run';

/** Closed runs that are asked for at once; a page of visibility holds no more. */
const maxRunsPerQuery = 1_000;
/** Servers answer few questions of this kind a second, 10 by default, and others have some as well. */
const queryIntervalMs = 200;
/** Visibility may show an end late. */
const visibilityDelayMs = 120_000;

/** When each connection was last copied completely. */
export interface LastSyncTimes {
  /**
   * Asks Temporal what has ended since it was last asked: one question, and one more for each connection of which nothing is
   * known yet. Throws when the server does not answer.
   * @returns by connection, epoch ms; 0 where no complete sync is within the namespace's retention
   */
  refresh(connections: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** A sync that left anything out has failed, so that the completed ones are the complete ones. */
const completedSyncsQuery = "WorkflowType = 'syncWorkflow' AND ExecutionStatus = 'Completed'";

/** @param taskQueue of the worker: connections of other projects may have the same names */
export function createLastSyncTimes({ client, namespace }: TemporalConnection, taskQueue: string): LastSyncTimes {
  const ended = new Map<string, number>();
  let newest = 0;

  async function ask(condition: string, pageSize: number): Promise<void> {
    const query = `${completedSyncsQuery} AND TaskQueue = '${taskQueue}'${condition}`;
    const { executions } = await client.workflowService.listWorkflowExecutions({ namespace, pageSize, query });
    for (const { execution, closeTime } of executions) {
      const id = execution?.workflowId ?? '';
      const at = Number(closeTime?.seconds ?? 0) * 1_000 + (closeTime?.nanos ?? 0) / 1e6;
      ended.set(id, Math.max(at, ended.get(id) ?? 0));
      newest = Math.max(newest, at);
    }
  }

  return {
    async refresh(connections) {
      await ask(newest === 0 ? '' : ` AND CloseTime > '${new Date(newest - visibilityDelayMs).toISOString()}'`, maxRunsPerQuery);
      const ids = connections.map(toWorkflowId);
      for (const id of ids.filter((each) => !ended.has(each))) {
        await sleep(queryIntervalMs);
        await ask(` AND WorkflowId = '${id}'`, 1);
        // Whatever ends from now on, the question above shows.
        if (!ended.has(id)) ended.set(id, 0);
      }
      return new Map(connections.map((name) => [name, ended.get(toWorkflowId(name)) ?? 0]));
    },
  };
}
