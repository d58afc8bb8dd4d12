import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeliveryInput } from '../../../src/activities/sink-activities';
import { zeroCounts } from '../../../src/streams/counts';
import type { Deliver } from '../../../src/workflows/activity-proxies';
import { StreamRun, type StreamRunSnapshot, streamTransitions } from '../../../src/workflows/stream-delivery';

const begun = Date.now() - 10_000;

function runOf(carried: Partial<StreamRunSnapshot> = {}, deliver: Deliver = async () => undefined): StreamRun {
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
      startedAt: begun,
      ...carried,
    },
  );
}

it('ends, by an estimate, when what is left has taken as long as what was made', () => {
  const run = runOf({ counts: { ...zeroCounts, requests: 5 } });
  const { endsAt = 0 } = run.toProgress(10);
  expect(endsAt).toBeGreaterThanOrEqual(begun + 30_000);
  expect(endsAt).toBeLessThanOrEqual(Date.now() + 2 * (Date.now() - begun));
});

it.each([
  ['nobody knows what is left', 5, undefined],
  ['nothing is left', 5, 0],
  ['nothing was made', 0, 10],
])('gives no estimate of its end when %s', (_when, requests, left) => {
  expect(runOf({ counts: { ...zeroCounts, requests } }).toProgress(left)).not.toHaveProperty('endsAt');
});

it('waits until the longest of the waits side by side is over', () => {
  const run = runOf();
  for (const until of [2_000, 9_000, 4_000]) run.startRateLimitWait(until);
  for (const until of [2_000, 4_000]) {
    run.endRateLimitWait(until);
    expect(run.toProgress().waitingUntil).toBe(9_000);
  }
  run.endRateLimitWait(9_000);
  expect(run.toProgress()).not.toHaveProperty('waitingUntil');
});

it('has nothing to say of limits once it has ended', () => {
  const run = runOf();
  run.setPace({ remaining: 1, limit: 5 });
  run.startRateLimitWait(2_000);
  expect(run.toProgress(3)).toMatchObject({ waitingUntil: 2_000, pace: { remaining: 1, limit: 5 }, requestsLeft: 3 });
  run.fail({ type: 'MissingScope', failureType: 'config_error', exitCode: 4, message: 'It lacks a scope.' });
  const progress = run.toProgress(3);
  for (const key of ['waitingUntil', 'pace', 'requestsLeft', 'endsAt']) expect(progress).not.toHaveProperty(key);
});

describe('how many records there will be', () => {
  const told: Partial<DeliveryInput>[] = [];
  const begin = (carried: Partial<StreamRunSnapshot> = {}): StreamRun => {
    told.length = 0;
    return runOf(carried, async (delivery) => void told.push(delivery));
  };
  const hand = async (run: StreamRun): Promise<void> => {
    run.enqueue([], () => ({ place: 1 }));
    await new Promise(setImmediate);
  };

  it('is told with the first step that knows it, and not again', async () => {
    const run = begin();
    await hand(run);
    for (const expected of [300, 310]) {
      run.setEstimate(expected);
      await hand(run);
    }
    expect(told.map(({ estimate }) => estimate)).toEqual([undefined, 300, undefined]);
  });

  it('is told at the end when it was not known before', async () => {
    const run = begin();
    run.complete([{ stream: 'users', file: 'a', bytes: 10, records: 7 }], () => ({ place: 1 }));
    await new Promise(setImmediate);
    expect(told).toMatchObject([{ status: 'COMPLETE', estimate: 7 }]);
  });

  it('is not told anew in a run that goes on from another', async () => {
    const first = begin();
    first.setEstimate(300);
    await hand(first);
    const second = begin(first.toSnapshot());
    second.setEstimate(310);
    await hand(second);
    expect(told.map(({ estimate }) => estimate)).toEqual([undefined]);
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
  const failed = runOf();
  failed.fail(failure);
  failed.fail({ ...failure, message: 'It failed again.' });
  expect(failed.toProgress()).toMatchObject({ status: 'incomplete', failure: { message: 'It failed.' } });
  const complete = runOf();
  complete.complete([], () => ({}));
  complete.fail(failure);
  expect(complete.toProgress()).toMatchObject({ status: 'complete' });
});
