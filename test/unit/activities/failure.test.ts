import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { isRetryable, toActivityFailure } from '../../../src/activities/activity-failure';

/** What becomes of every error class that an activity can meet: its sort, and whether another attempt may help. */
const table: Record<string, [kind: string, retried: boolean]> = {
  BadCredentials: ['config_error', false],
  MissingScope: ['config_error', false],
  FeatureNotInPlan: ['config_error', false],
  ConfigError: ['config_error', false],
  DestinationUnreadable: ['config_error', false],
  DestinationRefused: ['config_error', false],
  RateLimited: ['transient_error', true],
  Transient: ['transient_error', true],
  UnexpectedAnswer: ['transient_error', true],
  StagingUnavailable: ['transient_error', true],
  DestinationUnavailable: ['transient_error', true],
  RequestRejected: ['system_error', false],
  Gone: ['system_error', false],
  UnsplittableBlock: ['system_error', false],
  StagingLost: ['system_error', true],
  SequenceGap: ['system_error', false],
  StaleDelivery: ['system_error', false],
  BrokenPipe: ['system_error', false],
};

type Failure = Error & Partial<Pick<ApplicationFailure, 'nextRetryDelay' | 'category'>>;

function become(
  error: unknown,
  exhausted?: boolean,
  log: (entry: LogEntry) => void = () => undefined,
): Promise<Failure> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('WARN', log) });
  return environment.run(async (): Promise<Failure> => toActivityFailure(error, exhausted));
}

/** Names of the error classes that a room of the sources exports, by the names that their instances carry. */
function classesOf(room: string): string[] {
  const folder = join(__dirname, '..', '..', '..', 'src', room);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const text = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  const classes = [...text.matchAll(/^export class (\w+) extends \w*Error \{\s*override readonly name = '(\w+)'/gm)];
  expect(classes).toHaveLength(text.match(/^export class \w+ extends/gm)?.length ?? 0);
  return classes.map(([, className, name]) => {
    expect(name).toBe(className);
    return className!;
  });
}

it.each(['auth0', 'staging', 'sinks', 'config'])('every error class of %s has an outcome', (room) => {
  const unknown = classesOf(room).filter((name) => !(name in table));
  expect(unknown).toEqual([]);
});

it.each(Object.entries(table))('%s is a %j', async (name, [kind, retried]) => {
  const error = Object.assign(new Error('What happened. What to do.'), { name });
  expect(await become(error)).toMatchObject({
    type: name,
    message: 'What happened. What to do.',
    details: [{ kind }],
    nonRetryable: !retried,
  });
  expect(isRetryable(error)).toBe(retried);
});

it('makes an error that may pass final when the patience is at its end', async () => {
  const error = Object.assign(new Error('What happened.'), { name: 'Transient' });
  expect(await become(error, true)).toMatchObject({ type: 'Transient', nonRetryable: true });
});

it('puts off the next attempt until the time that the error names, and never to the past', async () => {
  const until = (retryAt: number) => Object.assign(new Error('Wait.'), { name: 'RateLimited', retryAt });
  const { nextRetryDelay, category } = await become(until(Date.now() + 30_000));
  expect(nextRetryDelay).toBeGreaterThan(29_000);
  expect(nextRetryDelay).toBeLessThanOrEqual(30_000);
  expect(category).toBe('BENIGN');
  expect((await become(until(Date.now() - 5_000))).nextRetryDelay).toBe(1);
});

it.each([
  [new TypeError('rows of somebody@example.com'), 'TypeError'],
  ['somebody@example.com', 'string'],
  [{ row: 'somebody@example.com' }, 'object'],
  [undefined, 'undefined'],
])('passes on of a foreign error only what it is: %p', async (error, what) => {
  const failure = await become(error);
  expect(failure).toMatchObject({ type: 'Unexpected', nonRetryable: false, details: [{ kind: 'system_error' }] });
  expect(failure.message).toBe(`Something went wrong in Rollcall itself (${what}); the worker's log tells more.`);
  expect(JSON.stringify(failure)).not.toContain('somebody');
  expect(failure.cause).toBeUndefined();
});

it('logs of a foreign error where it was thrown, and not what it says', async () => {
  const entries: LogEntry[] = [];
  await become(new TypeError('rows of\n    at somebody@example.com'), false, (entry) => entries.push(entry));
  expect(entries).toHaveLength(1);
  expect(entries[0]?.meta).toMatchObject({ name: 'TypeError' });
  const logged = JSON.stringify(entries.map(({ message, meta }) => ({ message, meta })));
  expect(logged).toContain('failure.test.ts');
  expect(logged).not.toContain('somebody');
});

it.each([new CancelledFailure('stop'), ApplicationFailure.nonRetryable('made elsewhere')])(
  'leaves Temporal’s own failures as they are: %p',
  async (failure) => {
    expect(await become(failure)).toBe(failure);
  },
);
