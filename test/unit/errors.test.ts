import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { ActivityFailure, ApplicationFailure, CancelledFailure, RetryState } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { isRetryable, toActivityFailure } from '../../src/activities/activity-attempt';
import { SyncInterrupted } from '../../src/app/session';
import { CatalogError } from '../../src/airbyte/catalog';
import { BrokenPipe, createOutput } from '../../src/airbyte/protocol-output';
import { StateError } from '../../src/airbyte/stream-state';
import {
  BadCredentials,
  FeatureNotInPlan,
  Gone,
  MissingScope,
  RateLimited,
  RequestRejected,
  Transient,
  UnexpectedAnswer,
  UnsplittableBlock,
} from '../../src/auth0/errors';
import { failOnOutput, failOnTerminal } from '../../src/commands/failure-output';
import { ConfigError, type FailureType, type RollcallError } from '../../src/errors';
import { DestinationUnreadable } from '../../src/sinks/files/manifest';
import { DestinationRefused } from '../../src/sinks/postgres/explain-error';
import { SequenceGap } from '../../src/sinks/stream-ledger';
import { type Delivery, DestinationUnavailable, StaleDelivery } from '../../src/sinks/sink';
import { StagingLost, StagingUnavailable } from '../../src/staging/segment-io';
import { TemporalUnreachable } from '../../src/temporal/connection';
import { TemporalProfileInvalid } from '../../src/temporal/profile';
import { TemporalMissing } from '../../src/temporal/embedded-server/binary';
import { EmbeddedServerFailed } from '../../src/temporal/embedded-server/embedded-server';
import { EmbeddedServerBusy } from '../../src/temporal/embedded-server/file-lease';
import { SearchAttributesPending } from '../../src/temporal/register-search-attributes';
import { NoRunKept } from '../../src/temporal/run-log';
import { NoSchedule, ScheduleExists, ScheduleRefused } from '../../src/temporal/schedules';
import { NoRun, SyncCancelled, SyncFailed } from '../../src/temporal/sync-run';
import { toStreamFailure } from '../../src/workflows/sync-outcome';

const delivery = { run: 'r', sequence: 3, stream: { name: 'users' } } as Delivery;
const segment = { file: 'r/users-0.1.users.jsonl', bytes: 1, records: 1 } as ConstructorParameters<
  typeof StagingLost
>[0];
const remoteFailure = ApplicationFailure.create({
  type: 'MissingScope',
  message: 'Grant read:users.',
  details: [{ failureType: 'config_error', exitCode: 4 }],
});

/** Every error class, with its failure type, whether another attempt may succeed, and its exit code. */
const table: [error: RollcallError, failureType: FailureType, retryable: boolean, exitCode: number][] = [
  [new ConfigError('`sync` is invalid', 'sync', 'Correct it.'), 'config_error', false, 2],
  [new CatalogError('is empty', 'streams'), 'config_error', false, 2],
  [new StateError('is not JSON', ''), 'config_error', false, 2],
  [new BrokenPipe('the reader closed the output'), 'system_error', false, 141],
  [new BadCredentials('secret'), 'config_error', false, 4],
  [new MissingScope('GET users', ['read:users']), 'config_error', false, 4],
  [new FeatureNotInPlan('GET organizations'), 'config_error', false, 4],
  [new RateLimited('GET users', Date.now() + 60_000), 'transient_error', true, 5],
  [new Transient('GET users', 'status 503'), 'transient_error', true, 5],
  [new UnexpectedAnswer('GET users', 'no JSON'), 'transient_error', true, 5],
  [new Gone('GET organizations/{id}/members'), 'system_error', false, 1],
  [new RequestRejected('GET users', 400), 'system_error', false, 1],
  [new UnsplittableBlock('2,000 users created at one time'), 'system_error', false, 1],
  [new StagingUnavailable('/tmp', 'the disk is full', 'Free disk space.'), 'transient_error', true, 5],
  [new StagingLost(segment, 'is missing'), 'system_error', true, 1],
  [new DestinationUnavailable('/data', 'the disk is full', 'Free disk space.'), 'transient_error', true, 5],
  [new DestinationUnreadable('manifest.json', 'is not JSON', 'Restore it.'), 'config_error', false, 2],
  [new DestinationRefused('db:5432/x', 'the password is wrong', 'Correct it.'), 'config_error', false, 2],
  [new SequenceGap(delivery, 2), 'system_error', false, 1],
  [new StaleDelivery(delivery, { run: 's', sequence: 0 }), 'system_error', false, 1],
  [new TemporalUnreachable('localhost:7233', new Error('refused')), 'transient_error', true, 5],
  [new TemporalProfileInvalid(new Error('no such profile')), 'config_error', false, 2],
  [new TemporalMissing('no `temporal` binary was found'), 'config_error', false, 2],
  [new EmbeddedServerBusy('temporal.db', 7), 'config_error', false, 2],
  [new EmbeddedServerFailed('exited', 'temporal.log', ''), 'system_error', false, 1],
  [new SearchAttributesPending(['RollcallConnection']), 'transient_error', true, 5],
  [new NoRun('acme'), 'config_error', false, 2],
  [new SyncInterrupted('the worker stopped.', 'Run it again.'), 'system_error', false, 1],
  [new NoRunKept('acme'), 'config_error', false, 2],
  [new SyncCancelled('sync/acme'), 'system_error', false, 1],
  [new SyncFailed(remoteFailure), 'config_error', false, 4],
  [new NoSchedule('acme'), 'config_error', false, 2],
  [new ScheduleExists('acme'), 'config_error', false, 2],
  [new ScheduleRefused('Invalid schedule spec: bad cron.'), 'config_error', false, 2],
];

const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
async function becomeFailure(error: unknown, exhausted?: boolean): Promise<ApplicationFailure> {
  const failure = await environment.run(() => Promise.resolve(toActivityFailure(error, exhausted)));
  if (!(failure instanceof ApplicationFailure)) throw failure;
  return failure;
}

/** What the workflow makes of the failure of an activity that threw `error`. */
async function throughActivity(error: unknown): ReturnType<typeof failStream> {
  return failStream(await becomeFailure(error));
}

function failStream(cause: ApplicationFailure): Promise<ReturnType<typeof toStreamFailure>> {
  const failure = new ActivityFailure('failed', 'fetchPages', '1', RetryState.NON_RETRYABLE_FAILURE, 'worker', cause);
  return Promise.resolve(toStreamFailure(failure));
}

/** Messages that `failOnOutput` writes, and its exit code. */
async function writeTrace(error: unknown): Promise<{ code: number; lines: string[] }> {
  const stdout = new PassThrough();
  const chunks: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await failOnOutput(createOutput(stdout, { level: 'INFO', secrets: new Set() }), error);
  return { code, lines: Buffer.concat(chunks).toString('utf8').split('\n').filter(Boolean) };
}

/** Names of the classes in src that extend RollcallError, directly or not. */
function listErrorClasses(): string[] {
  const folder = join(__dirname, '..', '..', 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const text = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  const classes = [...text.matchAll(/^(?:export )?(abstract )?class (\w+) extends (\w+)/gm)];
  const known = new Set(['RollcallError']);
  for (let size = 0; size !== known.size;) {
    size = known.size;
    for (const [, , name, parent] of classes) if (known.has(parent!)) known.add(name!);
  }
  return classes.flatMap(([, abstract, name]) => (known.has(name!) && abstract === undefined ? [name!] : []));
}

it('covers every error class of the sources', () => {
  const covered = table.map(([error]) => error.constructor.name);
  expect(covered.sort()).toEqual(listErrorClasses().sort());
});

describe.each(table.map((row) => [row[0].constructor.name, ...row] as const))(
  '%s',
  (className, error, failureType, retryable, exitCode) => {
    it('has its failure type, retryability and exit code', () => {
      expect(error).toMatchObject({ failureType, retryable, exitCode });
      expect(isRetryable(error)).toBe(retryable);
    });

    it('has a message that ends in its next step', () => {
      expect(error.message).toBe([error.what, error.nextStep].filter((part) => part !== undefined).join(' '));
      if (error instanceof SyncFailed) return;
      expect(error.name).toBe(className);
    });

    it('keeps its meaning in the failure of an activity and of a stream', async () => {
      expect(await becomeFailure(error)).toMatchObject({
        type: error.name,
        message: error.message,
        nonRetryable: !retryable,
        details: [{ failureType, exitCode }],
      });
      expect(await throughActivity(error)).toEqual({
        type: error.name,
        failureType,
        exitCode,
        message: error.message,
      });
    });

    it('keeps its meaning in a TRACE and at the terminal', async () => {
      const warn = jest.fn();
      expect(failOnTerminal({ warn }, error)).toBe(exitCode);
      expect(warn).toHaveBeenCalledWith(`rollcall: ${error.message}`);
      const { code, lines } = await writeTrace(error);
      expect(code).toBe(exitCode);
      const traces = lines.map((line) => (JSON.parse(line) as { trace: { error: object } }).trace.error);
      const trace = { message: error.message, failure_type: failureType, internal_message: error.name };
      expect(traces).toEqual(error instanceof BrokenPipe ? [] : [trace]);
    });
  },
);

it('makes an error that another attempt may resolve final when attempts are exhausted', async () => {
  const error = new Transient('GET users', 'status 503');
  expect(await becomeFailure(error, true)).toMatchObject({ type: 'Transient', nonRetryable: true });
});

it('delays the next attempt until the time that a rate limit gives, and never into the past', async () => {
  const failure = await becomeFailure(new RateLimited('GET users', Date.now() + 30_000));
  expect(failure.nextRetryDelay).toBeGreaterThan(29_000);
  expect(failure.nextRetryDelay).toBeLessThanOrEqual(30_000);
  expect(failure.category).toBe('BENIGN');
  expect((await becomeFailure(new RateLimited('GET users', Date.now() - 5_000))).nextRetryDelay).toBe(1);
});

const unexpectedErrors: [error: unknown, name: string][] = [
  [new TypeError('rows of somebody@example.com'), 'TypeError'],
  ['somebody@example.com', 'string'],
  [{ row: 'somebody@example.com' }, 'object'],
  [undefined, 'undefined'],
];

it.each(unexpectedErrors)('passes on only the kind of an unexpected error: %p', async (error, name) => {
  const failure = await becomeFailure(error);
  const details = [{ failureType: 'system_error', exitCode: 1 }];
  expect(failure).toMatchObject({ type: 'Unexpected', nonRetryable: false, details });
  expect(failure.message).toBe(`Internal error in Rollcall (${name}). See the worker's log for details.`);
  expect(JSON.stringify(failure)).not.toContain('somebody');
  expect(failure.cause).toBeUndefined();
});

it('logs where an unexpected error was thrown, and not its message', async () => {
  const entries: LogEntry[] = [];
  const logged = new MockActivityEnvironment({}, { logger: new DefaultLogger('WARN', (entry) => entries.push(entry)) });
  await logged.run(() => Promise.resolve(toActivityFailure(new TypeError('rows of\n    at somebody@example.com'))));
  expect(entries).toHaveLength(1);
  expect(entries[0]?.meta).toMatchObject({ name: 'TypeError' });
  const text = JSON.stringify(entries.map(({ message, meta }) => ({ message, meta })));
  expect(text).toContain('errors.test.ts');
  expect(text).not.toContain('somebody');
});

it('reports an unexpected error as a system error with its stack', async () => {
  const { code, lines } = await writeTrace(new TypeError('x is not a function'));
  expect(code).toBe(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    trace: { error: { failure_type: 'system_error', internal_message: 'TypeError', stack_trace: expect.any(String) } },
  });
});

it.each([new CancelledFailure('stop'), ApplicationFailure.nonRetryable('made elsewhere')])(
  'leaves failures of Temporal as they are: %p',
  (failure) => {
    expect(toActivityFailure(failure)).toBe(failure);
  },
);

it('treats a failure without details as a system error', async () => {
  const failure = await failStream(ApplicationFailure.nonRetryable('made elsewhere', 'Other'));
  expect(failure).toEqual({ type: 'Other', failureType: 'system_error', exitCode: 1, message: 'made elsewhere' });
});
