import { ServiceError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { join } from 'node:path';
import { connect } from '../../../src/temporal/connection';
import { startEmbeddedServer } from '../../../src/temporal/embedded-server/embedded-server';
import { installRuntime } from '../../../src/temporal/runtime';
import { awaitWorkflowResult } from '../../../src/temporal/sync-run';
import { createWorker } from '../../../src/temporal/worker';
import { bundleTestWorkflows, readLeader, temporalBinary } from '../../support/embedded-servers';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();
const options = { binary: temporalBinary, logFile: join(scratch, 'log'), databaseFile: join(scratch, 'db') };

beforeAll(() => installRuntime({ log: () => undefined }));

it('survives a server that is killed and restarted with its database, as does the workflow', async () => {
  const starting = startEmbeddedServer(options);
  const bundle = await bundleTestWorkflows(scratch);
  const first = await starting;
  const { native, namespace, client, close } = await connect(first);
  const done: string[] = [];
  const echo = (text: string): Promise<string> => Promise.resolve(String(done.push(text)));
  const worker = await createWorker({
    connection: native,
    namespace,
    taskQueue: 'q',
    maxConcurrentActivities: 1,
    workflowBundle: bundle,
    activities: { echo },
  });
  const start = (workflowId: string, pause: number): Promise<WorkflowHandle> =>
    client.workflow.start('pausing', { taskQueue: 'q', workflowId, workflowTaskTimeout: '1s', args: [pause] });
  const second = await worker.runUntil(async () => {
    const result = awaitWorkflowResult(await start('w', 700));
    await until(() => done.length === 1);
    process.kill(-readLeader(options.databaseFile), 'SIGKILL');
    expect(await first.exited).toMatchObject({ name: 'EmbeddedServerFailed' });
    const restarted = await startEmbeddedServer({ ...options, port: Number(first.address.split(':')[1]) });
    expect(await result).toBe('2');
    expect(done).toEqual(['before', 'after']);

    const gone = new AbortController();
    const aborted = awaitWorkflowResult(await start('x', 60_000), { signal: gone.signal });
    setTimeout(() => gone.abort(new Error('server gone')), 50);
    await expect(aborted).rejects.toThrow('server gone');
    await client.workflow.getHandle('x').terminate();
    await expect(awaitWorkflowResult(client.workflow.getHandle('none'))).rejects.toBeInstanceOf(WorkflowNotFoundError);
    return restarted;
  });
  await close();
  await second.stop();
}, 30_000);

/** The client gives up on an absent server after 10 s; this says at once what it says then. */
function failing(code: number | undefined): { handle: WorkflowHandle; calls: () => number } {
  let calls = 0;
  const cause = Object.assign(
    new Error('tcp connect error'),
    code === undefined ? {} : { code, details: '', metadata: {} },
  );
  const result = (): Promise<string> => {
    calls += 1;
    return calls < 3 ? Promise.reject(new ServiceError('no history', { cause })) : Promise.resolve('there');
  };
  return { handle: { result } as unknown as WorkflowHandle, calls: () => calls };
}

it('retries when the client has given up on an unreachable server', async () => {
  const { handle, calls } = failing(14);
  expect(await awaitWorkflowResult(handle)).toBe('there');
  expect(calls()).toBe(3);
});

it.each([
  ['no permission', 7],
  ['no gRPC error', undefined],
])('does not retry on %s', async (_, code) => {
  const { handle, calls } = failing(code);
  await expect(awaitWorkflowResult(handle)).rejects.toThrow('no history');
  expect(calls()).toBe(1);
});
