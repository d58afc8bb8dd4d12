import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../../src/temporal/connection';
import {
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../../../../src/temporal/embedded-server/embedded-server';
import { installRuntime } from '../../../../src/temporal/runtime';
import { awaitWorkflowResult } from '../../../../src/temporal/sync-run';
import { createWorker } from '../../../../src/temporal/worker';

installRuntime();

/** Keeps a server busy with a workflow and its activities until it is killed; prints nothing on stdout itself. */
async function load(options: EmbeddedServerOptions, bundle: string): Promise<void> {
  const server = await startEmbeddedServer(options);
  const { native, namespace, client } = await connect(server);
  const worker = await createWorker({
    connection: native,
    namespace,
    taskQueue: 'loaded',
    workflowBundle: bundle,
    maxConcurrentActivities: 4,
    activities: { echo: (text: string) => sleep(20, text) },
  });
  await worker.runUntil(async () => {
    const args: unknown[] = ['ok', 10_000];
    const handle = await client.workflow.start('repeat', { taskQueue: 'loaded', workflowId: 'loaded', args });
    process.stderr.write('at work\n');
    await awaitWorkflowResult(handle);
  });
}

load(JSON.parse(process.argv[2] ?? '{}') as EmbeddedServerOptions, process.argv[3] ?? '').catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exit(1);
});
