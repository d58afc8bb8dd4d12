import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeliveryInput } from '../../../src/activities/sink-activities';
import { zeroCounts } from '../../../src/streams/counts';
import type { Deliver } from '../../../src/workflows/activity-proxies';
import { StreamRun, type StreamRunSnapshot, streamTransitions } from '../../../src/workflows/stream-delivery';

const startedAt = Date.now() - 10_000;

function createRun(carried: Partial<StreamRunSnapshot> = {}, deliver: Deliver = async () => undefined): StreamRun {
  return new StreamRun(
    {
      name: 'users',
      syncMode: 'full_refresh',
      destinationSyncMode: 'append',
    },
    'run',
    deliver,
    {
      position: { nextSequence: 1, durableRecords: 0 },
      counts: zeroCounts,
      status: 'running',
      startedAt,
      ...carried,
    },
  );
}

it('estimates the end from the requests left and the average time per request', () => {
  const run = createRun({ counts: { ...zeroCounts, requests: 5 } });
  const { endsAt = 0 } = run.toProgress(10);
  expect(endsAt).toBeGreaterThanOrEqual(startedAt + 30_000);
  expect(endsAt).toBeLessThanOrEqual(Date.now() + 2 * (Date.now() - startedAt));
});

it.each([
  ['the number of requests left is unknown', 5, undefined],
  ['no request is left', 5, 0],
  ['no request was made', 0, 10],
])('estimates no end when %s', (_when, requests, left) => {
  expect(createRun({ counts: { ...zeroCounts, requests } }).toProgress(left)).not.toHaveProperty('endsAt');
});

it('waits until the longest of concurrent waits is over', () => {
  const run = createRun();
  for (const until of [2_000, 9_000, 4_000]) run.startRateLimitWait(until);
  for (const until of [2_000, 4_000]) {
    run.endRateLimitWait(until);
    expect(run.toProgress().waitingUntil).toBe(9_000);
  }
  run.endRateLimitWait(9_000);
  expect(run.toProgress()).not.toHaveProperty('waitingUntil');
});

it('reports no rate limit after it has ended', () => {
  const run = createRun();
  run.setPace({ remaining: 1, limit: 5 });
  run.startRateLimitWait(2_000);
  expect(run.toProgress(3)).toMatchObject({ waitingUntil: 2_000, pace: { remaining: 1, limit: 5 }, requestsLeft: 3 });
  run.fail({ type: 'MissingScope', failureType: 'config_error', exitCode: 4, message: 'It lacks a scope.' });
  const progress = run.toProgress(3);
  for (const key of ['waitingUntil', 'pace', 'requestsLeft', 'endsAt']) expect(progress).not.toHaveProperty(key);
});

describe('the expected number of records', () => {
  const deliveries: Partial<DeliveryInput>[] = [];
  const start = (carried: Partial<StreamRunSnapshot> = {}): StreamRun => {
    deliveries.length = 0;
    return createRun(carried, async (delivery) => void deliveries.push(delivery));
  };
  const enqueue = async (run: StreamRun): Promise<void> => {
    run.enqueue([], () => ({ place: 1 }));
    await new Promise(setImmediate);
  };

  it('is sent once, with the first delivery after it is known', async () => {
    const run = start();
    await enqueue(run);
    for (const expected of [300, 310]) {
      run.setEstimate(expected);
      await enqueue(run);
    }
    expect(deliveries.map(({ estimate }) => estimate)).toEqual([undefined, 300, undefined]);
  });

  it('is sent with the last delivery when it was unknown before', async () => {
    const run = start();
    run.complete([{ stream: 'users', file: 'a', bytes: 10, records: 7 }], () => ({ place: 1 }));
    await new Promise(setImmediate);
    expect(deliveries).toMatchObject([{ status: 'COMPLETE', estimate: 7 }]);
  });

  it('is not sent again after the workflow has continued as new', async () => {
    const first = start();
    first.setEstimate(300);
    await enqueue(first);
    const second = start(first.toSnapshot());
    second.setEstimate(310);
    await enqueue(second);
    expect(deliveries.map(({ estimate }) => estimate)).toEqual([undefined]);
  });
});

it('has the transitions that docs/spec.md states', () => {
  const page = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'spec.md'), 'utf8');
  const [, section = ''] = /^## Stream$(.*?)^## /ms.exec(page) ?? [];
  const [head = [], , ...rows] = [...section.matchAll(/^\| (.*?) *\|$/gm)].map(([, row = '']) => row.split(/ *\| */));
  const table = rows.map(([status, ...next]) => [
    status,
    Object.fromEntries(next.map((to, index) => [head[index + 1], to])),
  ]);
  expect(Object.fromEntries(table)).toEqual(streamTransitions);
});

it('keeps the first failure, and stays complete when a later fetch fails', () => {
  const failure = { type: 'Transient', failureType: 'transient_error', exitCode: 5, message: 'It failed.' } as const;
  const failed = createRun();
  failed.fail(failure);
  failed.fail({ ...failure, message: 'It failed again.' });
  expect(failed.toProgress()).toMatchObject({ status: 'incomplete', failure: { message: 'It failed.' } });
  const complete = createRun();
  complete.complete([], () => ({}));
  complete.fail(failure);
  expect(complete.toProgress()).toMatchObject({ status: 'complete' });
});
