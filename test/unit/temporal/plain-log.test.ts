import { ApplicationFailure } from '@temporalio/common';
import type { LogEntry } from '@temporalio/worker';
import { simplifyLogEntry } from '../../../src/temporal/runtime';

function entry(message: string, meta?: object): LogEntry {
  return { level: 'WARN', timestampNanos: 1n, message, ...(meta && { meta: { ...meta } }) };
}

it('tells of an attempt that will be followed by another, without the place in the code', () => {
  const error = ApplicationFailure.retryable('GET users failed: the request timed out.', 'Transient');
  const meta = { error, workflowId: 'sync/acme/users', attempt: 2, taskToken: 'x' };
  expect(simplifyLogEntry(entry('Activity failed', meta))).toEqual(
    entry('sync/acme/users: attempt 2 failed: GET users failed: the request timed out.'),
  );
});

it('leaves out what the result tells, and what is on purpose', () => {
  const error = ApplicationFailure.nonRetryable('The secret is wrong.', 'BadCredentials');
  expect(simplifyLogEntry(entry('Activity failed', { error }))).toBeUndefined();
  // A workflow's error has come through a thread and lost its class.
  expect(simplifyLogEntry(entry('Workflow failed', { error: new Error('Incomplete.') }))).toBeUndefined();
  expect(simplifyLogEntry(entry('No activities registered, not polling for activity tasks'))).toBeUndefined();
  expect(simplifyLogEntry(entry('Query not found when attempting to respond to it'))).toBeUndefined();
});

it('passes on whatever else there is', () => {
  const fault = entry('unexpected error in an activity', { error: new TypeError('x is not a function') });
  expect(simplifyLogEntry(fault)).toBe(fault);
  expect(simplifyLogEntry(entry('gRPC call failed'))).toEqual(entry('gRPC call failed'));
});
