import { Context } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { join } from 'node:path';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { type EmbeddedServer, startEmbeddedServer } from '../../../src/temporal/embedded-server/embedded-server';
import { installRuntime } from '../../../src/temporal/runtime';
import { awaitWorkflowResult } from '../../../src/temporal/sync-run';
import { createWorker } from '../../../src/temporal/worker';
import { bundleTestWorkflows, temporalBinary } from '../../support/embedded-servers';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();
let bundle: string;
let server: EmbeddedServer;
let connection: TemporalConnection;

beforeAll(async () => {
  installRuntime({ log: () => undefined });
  const starting = startEmbeddedServer({ binary: temporalBinary, logFile: join(scratch, 'log') });
  bundle = await bundleTestWorkflows(scratch);
  server = await starting;
  connection = await connect(server);
}, 60_000);

afterAll(async () => {
  await connection.close();
  await server.stop();
});

function base(taskQueue: string): {
  connection: TemporalConnection['native'];
  namespace: string;
  taskQueue: string;
  maxConcurrentActivities: number;
} {
  return { connection: connection.native, namespace: connection.namespace, taskQueue, maxConcurrentActivities: 4 };
}

async function start(
  workflow: string,
  taskQueue: string,
  ...args: unknown[]
): Promise<ReturnType<TemporalConnection['client']['workflow']['getHandle']>> {
  return connection.client.workflow.start(workflow, { taskQueue, workflowId: taskQueue, args });
}

it('runs a workflow with its activities in one thread', async () => {
  const worker = await createWorker({
    ...base('plain'),
    workflowBundle: bundle,
    runInMainThread: true,
    activities: { echo: (text: string) => Promise.resolve(text) },
  });
  const result = await worker.runUntil(async () => awaitWorkflowResult(await start('repeat', 'plain', 'ok', 3)));
  expect(result).toBe('ok');
});

it('is not slowed down by the timers of a development server', async () => {
  const worker = await createWorker({ ...base('timers'), workflowBundle: bundle });
  const elapsed = await worker.runUntil(async () => {
    const started = performance.now();
    await awaitWorkflowResult(await start('rest', 'timers', 20, 4));
    return performance.now() - started;
  });
  // Four timers, each rounded up to a whole second, or none of them.
  expect(elapsed).toBeLessThan(3_900);
});

it('passes the message of a failed workflow to the client', async () => {
  const worker = await createWorker({ ...base('failing'), workflowBundle: bundle });
  const failed = worker.runUntil(async () => awaitWorkflowResult(await start('fail', 'failing', 'as meant')));
  await expect(failed).rejects.toBeInstanceOf(WorkflowFailedError);
  await expect(failed).rejects.toMatchObject({ cause: { message: 'as meant', type: 'Meant' } });
});

it('sends a heartbeat to the server within two seconds, whatever its timeout', async () => {
  const activities = {
    async echo(): Promise<string> {
      const context = Context.current();
      for (let page = 0; page < 22; page += 1) {
        context.heartbeat(page);
        await context.sleep(100);
      }
      return 'read';
    },
  };
  const worker = await createWorker({ ...base('beating'), workflowBundle: bundle, activities });
  await worker.runUntil(async () => {
    const handle = await start('slowly', 'beating');
    const page = async (): Promise<number> => {
      const { raw } = await handle.describe();
      const data = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data;
      return data ? Number(Buffer.from(data).toString()) : 0;
    };
    await until(async () => (await page()) > 5);
    await awaitWorkflowResult(handle);
  });
});

it('serves the task queue of one process with activities only', async () => {
  const queue = 'sink/7e57';
  const sink = await createWorker({ ...base(queue), activities: { echo: () => Promise.resolve('sunk') } });
  const worker = await createWorker({ ...base('orders'), workflowBundle: bundle });
  const result = sink.runUntil(worker.runUntil(async () => awaitWorkflowResult(await start('sink', 'orders', queue))));
  expect(await result).toBe('sunk');
});
