import fc from 'fast-check';
import {
  formatCatalogLine,
  formatConnectionStatusLine,
  formatErrorLine,
  formatEstimateLine,
  formatLogLine,
  formatRateLimitedLine,
  createRecordFormatter,
  formatSpecLine,
  formatStateLine,
  formatStatusLine,
} from '../../../src/airbyte/messages';
import { validateMessage, parseMessage } from './protocol/validator';

const at = 1_700_000_000_000;
const users = { name: 'users' };
const usersInNamespace = { name: 'users', namespace: 'west' };
/** Any code unit, lone surrogates among them. */
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

test('formats a record from a staged line, with its time and its changes', () => {
  const staged = {
    emitted_at: at,
    data: { user_id: 'u1', name: 'Zoë 😀' },
    meta: { changes: [{ field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' }] },
  };
  expect(parseMessage(createRecordFormatter(users)(JSON.stringify(staged)))).toEqual({
    type: 'RECORD',
    record: { stream: 'users', ...staged },
  });
});

test('formats a record with the namespace of its stream, and none of its other properties', () => {
  const configured = { ...usersInNamespace, syncMode: 'incremental', syncId: 4 };
  const line = createRecordFormatter(configured)('{"emitted_at":1,"data":{"a":1}}');
  expect(parseMessage(line)).toEqual({
    type: 'RECORD',
    record: { stream: 'users', namespace: 'west', emitted_at: 1, data: { a: 1 } },
  });
});

test('formats any text as ASCII without a loss, including lone surrogates', () => {
  fc.assert(
    fc.property(fc.jsonValue(), anyText, (value, text) => {
      const data = { value, text, [text]: 1 };
      const record = parseMessage(createRecordFormatter({ name: text })(JSON.stringify({ emitted_at: at, data })));
      expect(record.record).toEqual(JSON.parse(JSON.stringify({ stream: text, emitted_at: at, data })));
      expect(parseMessage(formatLogLine('INFO', text)).log).toEqual({ level: 'INFO', message: text });
    }),
  );
});

test('formats a state with the number of its records', () => {
  expect(parseMessage(formatStateLine(usersInNamespace, { updated_at: '2024-01-01T00:00:00.000Z' }, 5))).toEqual({
    type: 'STATE',
    state: {
      type: 'STREAM',
      stream: { stream_descriptor: usersInNamespace, stream_state: { updated_at: '2024-01-01T00:00:00.000Z' } },
      sourceStats: { recordCount: 5 },
    },
  });
});

test('formats an error with its stream, failure type and messages', () => {
  const line = formatErrorLine(
    {
      message: 'Grant read:users.',
      internalMessage: '403',
      failureType: 'config_error',
      stream: users,
      stackTrace: 's',
    },
    at,
  );
  expect(parseMessage(line)).toEqual({
    type: 'TRACE',
    trace: {
      type: 'ERROR',
      emitted_at: at,
      error: {
        message: 'Grant read:users.',
        internal_message: '403',
        stack_trace: 's',
        failure_type: 'config_error',
        stream_descriptor: users,
      },
    },
  });
});

test('omits absent properties of an error', () => {
  expect(parseMessage(formatErrorLine({ message: 'x', failureType: 'system_error' }, at)).trace).toEqual({
    type: 'ERROR',
    emitted_at: at,
    error: { message: 'x', failure_type: 'system_error' },
  });
});

test.each(['STARTED', 'RUNNING', 'COMPLETE', 'INCOMPLETE'] as const)('formats the status %s', (status) => {
  expect(parseMessage(formatStatusLine(usersInNamespace, status, at)).trace).toEqual({
    type: 'STREAM_STATUS',
    emitted_at: at,
    stream_status: { stream_descriptor: usersInNamespace, status },
  });
});

test('formats a wait for the rate limit as RUNNING, with the reset in whole milliseconds when it is known', () => {
  const reasons = (line: string) =>
    (parseMessage(line).trace as { stream_status: { status: string; reasons: unknown } }).stream_status;
  expect(reasons(formatRateLimitedLine(users, at + 0.5, at))).toMatchObject({
    status: 'RUNNING',
    reasons: [{ type: 'RATE_LIMITED', rate_limited: { quota_reset: at + 1 } }],
  });
  expect(reasons(formatRateLimitedLine(users, undefined, at)).reasons).toEqual([
    { type: 'RATE_LIMITED', rate_limited: {} },
  ]);
});

test('formats the estimated rows of a stream', () => {
  expect(parseMessage(formatEstimateLine(usersInNamespace, 3000, at)).trace).toEqual({
    type: 'ESTIMATE',
    emitted_at: at,
    estimate: { ...usersInNamespace, type: 'STREAM', row_estimate: 3000 },
  });
});

test('formats the results of check, spec and discover', () => {
  expect(parseMessage(formatConnectionStatusLine('SUCCEEDED')).connectionStatus).toEqual({ status: 'SUCCEEDED' });
  expect(parseMessage(formatConnectionStatusLine('FAILED', 'why')).connectionStatus).toEqual({
    status: 'FAILED',
    message: 'why',
  });
  const spec = { documentationUrl: 'https://example.com/docs', connectionSpecification: { type: 'object' } };
  expect(parseMessage(formatSpecLine(spec)).spec).toEqual(spec);
  const stream = {
    name: 'users',
    json_schema: { type: 'object' },
    supported_sync_modes: ['full_refresh' as const],
    source_defined_cursor: true,
    source_defined_primary_key: [['user_id']],
    is_resumable: true,
  };
  expect(parseMessage(formatCatalogLine([stream])).catalog).toEqual({ streams: [stream] });
});

test('the schema of these tests refuses invalid messages', () => {
  expect(validateMessage({ type: 'RECORD', record: { stream: 'users', data: {}, emitted_at: 1.5 } })).not.toEqual([]);
  expect(validateMessage({ type: 'LOG', log: { level: 'info', message: '' } })).not.toEqual([]);
});
