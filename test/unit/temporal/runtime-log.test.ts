import { ApplicationFailure } from '@temporalio/common';
import type { LogEntry } from '@temporalio/worker';
import { simplifyLogEntry } from '../../../src/temporal/runtime';

function entry(message: string, meta?: object): LogEntry {
  return { level: 'WARN', timestampNanos: 1n, message, ...(meta && { meta: { ...meta } }) };
}

it('logs a failed attempt that is retried, without its stack trace', () => {
  const error = ApplicationFailure.retryable('GET users failed: the request timed out.', 'Transient');
  const meta = { error, workflowId: 'sync/acme/users', attempt: 2, taskToken: 'x' };
  expect(simplifyLogEntry(entry('Activity failed', meta))).toEqual(
    entry('sync/acme/users: attempt 2 failed: GET users failed: the request timed out.'),
  );
});

it('drops what the result reports, and what is intended', () => {
  const error = ApplicationFailure.nonRetryable('The secret is wrong.', 'BadCredentials');
  expect(simplifyLogEntry(entry('Activity failed', { error }))).toBeUndefined();
  // A workflow's error has come through a thread and lost its class.
  expect(simplifyLogEntry(entry('Workflow failed', { error: new Error('Incomplete.') }))).toBeUndefined();
  expect(simplifyLogEntry(entry('No activities registered, not polling for activity tasks'))).toBeUndefined();
  expect(simplifyLogEntry(entry('Query not found when attempting to respond to it'))).toBeUndefined();
});

it('keeps all other entries', () => {
  const fault = entry('unexpected error in an activity', { error: new TypeError('x is not a function') });
  expect(simplifyLogEntry(fault)).toBe(fault);
  expect(simplifyLogEntry(entry('gRPC call failed'))).toEqual(entry('gRPC call failed'));
});
