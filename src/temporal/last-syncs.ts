import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporalConnection } from './connection';
import { workflowIdOf } from './sync-run';

/** Closed runs that are asked for at once; a page of visibility holds no more. */
const mostRuns = 1_000;
/** Servers answer few questions of this kind a second, 10 by default, and others have some as well. */
const pauseMs = 200;
/** Visibility may show an end late. */
const overlapMs = 120_000;

/** When each connection was last copied completely. */
export interface LastSyncs {
  /**
   * Asks Temporal what has ended since it was last asked: one question, and one more for each connection of which nothing is
   * known yet. Throws when the server does not answer.
   * @returns by connection, epoch ms; 0 where no complete sync is within the namespace's retention
   */
  look(connections: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** A sync that left anything out has failed, so that the completed ones are the complete ones. */
const complete = "WorkflowType = 'syncWorkflow' AND ExecutionStatus = 'Completed'";

/** @param taskQueue of the worker: connections of other projects may have the same names */
export function createLastSyncs({ client, namespace }: TemporalConnection, taskQueue: string): LastSyncs {
  const ended = new Map<string, number>();
  let newest = 0;

  async function ask(condition: string, pageSize: number): Promise<void> {
    const query = `${complete} AND TaskQueue = '${taskQueue}'${condition}`;
    const { executions } = await client.workflowService.listWorkflowExecutions({ namespace, pageSize, query });
    for (const { execution, closeTime } of executions) {
      const id = execution?.workflowId ?? '';
      const at = Number(closeTime?.seconds ?? 0) * 1_000 + (closeTime?.nanos ?? 0) / 1e6;
      ended.set(id, Math.max(at, ended.get(id) ?? 0));
      newest = Math.max(newest, at);
    }
  }

  return {
    async look(connections) {
      await ask(newest === 0 ? '' : ` AND CloseTime > '${new Date(newest - overlapMs).toISOString()}'`, mostRuns);
      const ids = connections.map(workflowIdOf);
      for (const id of ids.filter((each) => !ended.has(each))) {
        await sleep(pauseMs);
        await ask(` AND WorkflowId = '${id}'`, 1);
        // Whatever ends from now on, the question above shows.
        if (!ended.has(id)) ended.set(id, 0);
      }
      return new Map(connections.map((name) => [name, ended.get(workflowIdOf(name)) ?? 0]));
    },
  };
}
