import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Info } from '@temporalio/activity';
import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createSinkActivities, type SinkActivities } from '../../../src/activities/sink-activities';
import { createFilesSink } from '../../../src/sinks/files/sink';
import type { Delivery, Sink } from '../../../src/sinks/sink';
import { createStaging } from '../../../src/staging/staging';
import { configureStream } from '../../../src/streams/registry';
import { createSummary } from '../../support/contract/deliveries';
import { readFilesDestination } from '../../support/files-reader';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();
const stream = configureStream({ name: 'users', syncMode: 'incremental', destinationSyncMode: 'append' });
const createDelivery = (
  sequence: number,
  more: Partial<Delivery> = {},
): { connection: string; delivery: Delivery } => ({
  connection: 'acme',
  delivery: { run: 'run', stream, sequence, segments: [], ...more },
});
const createEnvironment = (info: Partial<Info> = {}): MockActivityEnvironment =>
  new MockActivityEnvironment(
    { heartbeatTimeoutMs: 40, ...info },
    { logger: new DefaultLogger('WARN', () => undefined) },
  );

async function createFilesActivities(directory = newFolder()): Promise<SinkActivities> {
  const staging = createStaging(newFolder());
  const sink = await createFilesSink({ directory, staging });
  return createSinkActivities({ getSink: async () => sink, staging });
}

function createUnwritableActivities(): SinkActivities {
  const staging = createStaging(newFolder());
  return createSinkActivities({ getSink: () => createFilesSink({ directory: '/dev/null/nothing', staging }), staging });
}

it('loads the states that earlier deliveries made durable', async () => {
  const { loadState, deliver } = await createFilesActivities();
  const state = { updated_at: '2026-01-01T00:00:00.000Z' };
  expect(await createEnvironment().run(loadState, { connection: 'acme' })).toEqual({});
  await createEnvironment().run(deliver, createDelivery(0, { status: 'STARTED' }));
  await createEnvironment().run(deliver, createDelivery(1, { state }));
  expect(await createEnvironment().run(loadState, { connection: 'acme' })).toEqual({ users: { state } });
});

it('removes the segments of a delivery from staging, and accepts the delivery again', async () => {
  const staging = createStaging(newFolder());
  const directory = newFolder();
  const sink = await createFilesSink({ directory, staging });
  const { deliver } = createSinkActivities({ getSink: async () => sink, staging });
  const writer = await staging.open({ run: 'run', fetchId: 'users-0', attempt: 1, stream: 'users' });
  await writer.append([{ emitted_at: 1, data: { user_id: 'auth0|1' } }]);
  const segment = await writer.commit();
  await writer.close();
  const delivery = createDelivery(0, { segments: [segment] });
  await createEnvironment().run(deliver, delivery);
  await expect(staging.readValues(segment)).rejects.toMatchObject({ name: 'StagingLost' });
  await createEnvironment().run(deliver, delivery);
  const delivered = [];
  for await (const { data } of readFilesDestination(directory)) delivered.push(data);
  expect(delivered).toEqual([{ user_id: 'auth0|1' }]);
});

it('does not retry a delivery that the destination can never accept', async () => {
  const { deliver } = await createFilesActivities();
  for (const sequence of [0, 1]) await createEnvironment().run(deliver, createDelivery(sequence));
  const deliverAgain = (sequence: number): Promise<void> => createEnvironment().run(deliver, createDelivery(sequence));
  const failure = { nonRetryable: true, details: [{ failureType: 'system_error', exitCode: 1 }] };
  await expect(deliverAgain(0)).rejects.toMatchObject({ type: 'StaleDelivery', ...failure });
  await expect(deliverAgain(3)).rejects.toMatchObject({ type: 'SequenceGap', ...failure });
});

it('writes the summary of a run to the destination, once or more often', async () => {
  const directory = newFolder();
  const { conclude } = await createFilesActivities(directory);
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await createEnvironment().run(conclude, { connection: 'acme', summary: createSummary('run') });
    expect(JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8'))).toEqual(createSummary('run'));
  }
});

it.each(['deliver', 'conclude'] as const)(
  'heartbeats while a slow destination takes a call of %s, until it is cancelled',
  async (activity) => {
    const sink: Sink = {
      loadState: async () => ({}),
      deliver: (_delivery, signal) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
      writeSummary: () => new Promise(() => undefined),
      close: async () => undefined,
    };
    const staging = createStaging(newFolder());
    const { deliver, conclude } = createSinkActivities({ getSink: async () => sink, staging });
    const environment = createEnvironment();
    const stopTimer = jest.spyOn(global, 'clearInterval');
    let heartbeats = 0;
    environment.on('heartbeat', () => {
      heartbeats += 1;
      if (heartbeats === 5) environment.cancel('CANCELLED');
    });
    const call =
      activity === 'deliver'
        ? environment.run(deliver, createDelivery(0))
        : environment.run(conclude, { connection: 'acme', summary: createSummary('run') });
    await expect(call).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(heartbeats).toBe(5);
    expect(stopTimer).toHaveBeenCalledTimes(1);
    stopTimer.mockRestore();
  },
);

it('reports a destination that cannot be opened as unavailable', async () => {
  const { loadState, conclude } = createUnwritableActivities();
  const details = [{ failureType: 'transient_error', exitCode: 5 }];
  const failure = { type: 'DestinationUnavailable', nonRetryable: false, details };
  await expect(createEnvironment().run(loadState, { connection: 'acme' })).rejects.toMatchObject(failure);
  const input = { connection: 'acme', summary: createSummary('run') };
  await expect(createEnvironment().run(conclude, input)).rejects.toMatchObject(failure);
});

it('fails a delivery after five failures of the destination, not counting attempts that were killed', async () => {
  const { deliver } = createUnwritableActivities();
  let heartbeatDetails: unknown;
  for (const attempt of [3, 6, 9, 12, 15]) {
    // An attempt that is killed heartbeats the details with which it started.
    const environment = createEnvironment({ attempt, heartbeatDetails });
    environment.on('heartbeat', (details: unknown) => (heartbeatDetails = details));
    const failure = { type: 'DestinationUnavailable', nonRetryable: attempt === 15 };
    await expect(environment.run(deliver, createDelivery(0))).rejects.toMatchObject(failure);
  }
});
