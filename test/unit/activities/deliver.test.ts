import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Info } from '@temporalio/activity';
import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createSinkActivities, type SinkActivities } from '../../../src/activities/sink-activities';
import { readFilesDestination } from '../../support/files-reader';
import { createFilesSink } from '../../../src/sinks/files/sink';
import type { Delivery, Sink } from '../../../src/sinks/sink';
import { createStaging } from '../../../src/staging/staging';
import { configureStream } from '../../../src/streams/registry';
import { createSummary } from '../../support/contract/deliveries';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();
const stream = configureStream({ name: 'users', syncMode: 'incremental', destinationSyncMode: 'append' });
const step = (sequence: number, more: Partial<Delivery> = {}): { connection: string; delivery: Delivery } => ({
  connection: 'acme',
  delivery: { run: 'run', stream, sequence, segments: [], ...more },
});
const environment = (info: Partial<Info> = {}): MockActivityEnvironment =>
  new MockActivityEnvironment(
    { heartbeatTimeoutMs: 40, ...info },
    { logger: new DefaultLogger('WARN', () => undefined) },
  );

async function filesActivities(): Promise<SinkActivities> {
  const staging = createStaging(newFolder());
  const sink = await createFilesSink({ directory: newFolder(), staging });
  return createSinkActivities({ getSink: async () => sink, staging });
}

it('answers where the destination stands after a step that it has made durable', async () => {
  const { loadState, deliver } = await filesActivities();
  const state = { updated_at: '2026-01-01T00:00:00.000Z' };
  expect(await environment().run(loadState, { connection: 'acme' })).toEqual({});
  await environment().run(deliver, step(0, { status: 'STARTED' }));
  await environment().run(deliver, step(1, { state }));
  expect(await environment().run(loadState, { connection: 'acme' })).toEqual({ users: { state } });
});

it('keeps nothing in staging of a step that is delivered, and can be asked for it again', async () => {
  const staging = createStaging(newFolder());
  const directory = newFolder();
  const sink = await createFilesSink({ directory, staging });
  const { deliver } = createSinkActivities({ getSink: async () => sink, staging });
  const writer = await staging.open({ run: 'run', fetchId: 'users-0', attempt: 1, stream: 'users' });
  await writer.append([{ emitted_at: 1, data: { user_id: 'auth0|1' } }]);
  const segment = await writer.commit();
  await writer.close();
  const delivery = step(0, { segments: [segment] });
  await environment().run(deliver, delivery);
  await expect(staging.readValues(segment)).rejects.toMatchObject({ name: 'StagingLost' });
  await environment().run(deliver, delivery);
  const delivered = [];
  for await (const { data } of readFilesDestination(directory)) delivered.push(data);
  expect(delivered).toEqual([{ user_id: 'auth0|1' }]);
});

it('does not repeat a step that can never be taken', async () => {
  const { deliver } = await filesActivities();
  for (const sequence of [0, 1]) await environment().run(deliver, step(sequence));
  const failure = { nonRetryable: true, details: [{ failureType: 'system_error' }] };
  await expect(environment().run(deliver, step(0))).rejects.toMatchObject({ type: 'StaleDelivery', ...failure });
  await expect(environment().run(deliver, step(3))).rejects.toMatchObject({ type: 'SequenceGap', ...failure });
});

it('hands the summary of a run to the destination, more than once if need be', async () => {
  const staging = createStaging(newFolder());
  const directory = newFolder();
  const sink = await createFilesSink({ directory, staging });
  const { conclude } = createSinkActivities({ getSink: async () => sink, staging });
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await environment().run(conclude, { connection: 'acme', summary: createSummary('run') });
    expect(JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8'))).toEqual(createSummary('run'));
  }
});

it.each(['deliver', 'conclude'] as const)(
  'shows that it lives while the destination takes its time to %s, and lets go when it is cancelled',
  async (activity) => {
    const sink: Sink = {
      loadState: async () => ({}),
      deliver: (_delivery, signal) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
      writeSummary: () => new Promise(() => undefined),
      close: async () => undefined,
    };
    const { deliver, conclude } = createSinkActivities({
      getSink: async () => sink,
      staging: createStaging(newFolder()),
    });
    const work = {
      deliver: () => blocked.run(deliver, step(0)),
      conclude: () => blocked.run(conclude, { connection: 'acme', summary: createSummary('run') }),
    }[activity];
    const blocked = environment();
    let heartbeats = 0;
    blocked.on('heartbeat', () => (heartbeats += 1));
    setTimeout(() => blocked.cancel('CANCELLED'), 200);
    await expect(work()).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(heartbeats).toBeGreaterThan(5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const after = heartbeats;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heartbeats).toBe(after);
  },
);

it('tells of a destination that cannot be opened as of one that cannot be written', async () => {
  const { loadState, conclude } = createSinkActivities({
    getSink: () => createFilesSink({ directory: '/dev/null/nothing', staging: createStaging(newFolder()) }),
    staging: createStaging(newFolder()),
  });
  const failure = { type: 'DestinationUnavailable', nonRetryable: false, details: [{ failureType: 'transient_error' }] };
  await expect(environment().run(loadState, { connection: 'acme' })).rejects.toMatchObject(failure);
  const input = { connection: 'acme', summary: createSummary('run') };
  await expect(environment().run(conclude, input)).rejects.toMatchObject(failure);
});

it('gives a step up when the destination has failed it five times, however often its process was killed meanwhile', async () => {
  const { deliver } = createSinkActivities({
    getSink: () => createFilesSink({ directory: '/dev/null/nothing', staging: createStaging(newFolder()) }),
    staging: createStaging(newFolder()),
  });
  let heartbeatDetails: unknown;
  for (const attempt of [3, 6, 9, 12, 15]) {
    // What a killed attempt heartbeats is what it was told.
    const next = environment({ attempt, heartbeatDetails });
    next.on('heartbeat', (details: unknown) => (heartbeatDetails = details));
    const type = 'DestinationUnavailable';
    await expect(next.run(deliver, step(0))).rejects.toMatchObject({ type, nonRetryable: attempt === 15 });
  }
});
