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
import { messageFaults, messageOn } from './protocol/validator';

const at = 1_700_000_000_000;
const users = { name: 'users' };
const inWest = { name: 'users', namespace: 'west' };
/** Any code unit, lone surrogates among them. */
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

test('a record is spliced from its staged line and keeps its time and its changes', () => {
  const staged = {
    emitted_at: at,
    data: { user_id: 'u1', name: 'Zoë 😀' },
    meta: { changes: [{ field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' }] },
  };
  expect(messageOn(createRecordFormatter(users)(JSON.stringify(staged)))).toEqual({
    type: 'RECORD',
    record: { stream: 'users', ...staged },
  });
});

test('a record carries the namespace of its configured stream, and nothing else of it', () => {
  const configured = { ...inWest, syncMode: 'incremental', syncId: 4 };
  const line = createRecordFormatter(configured)('{"emitted_at":1,"data":{"a":1}}');
  expect(messageOn(line)).toEqual({
    type: 'RECORD',
    record: { stream: 'users', namespace: 'west', emitted_at: 1, data: { a: 1 } },
  });
});

test('every text survives on an ASCII line, lone surrogates too', () => {
  fc.assert(
    fc.property(fc.jsonValue(), anyText, (value, text) => {
      const data = { value, text, [text]: 1 };
      const record = messageOn(createRecordFormatter({ name: text })(JSON.stringify({ emitted_at: at, data })));
      expect(record.record).toEqual(JSON.parse(JSON.stringify({ stream: text, emitted_at: at, data })));
      expect(messageOn(formatLogLine('INFO', text)).log).toEqual({ level: 'INFO', message: text });
    }),
  );
});

test('a state holds the whole state of its stream and counts its records', () => {
  expect(messageOn(formatStateLine(inWest, { updated_at: '2024-01-01T00:00:00.000Z' }, 5))).toEqual({
    type: 'STATE',
    state: {
      type: 'STREAM',
      stream: { stream_descriptor: inWest, stream_state: { updated_at: '2024-01-01T00:00:00.000Z' } },
      sourceStats: { recordCount: 5 },
    },
  });
});

test('an error names its stream, its sort, the message for the user and the one for us', () => {
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
  expect(messageOn(line)).toEqual({
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

test('an error of no stream leaves out what is not known', () => {
  expect(messageOn(formatErrorLine({ message: 'x', failureType: 'system_error' }, at)).trace).toEqual({
    type: 'ERROR',
    emitted_at: at,
    error: { message: 'x', failure_type: 'system_error' },
  });
});

test.each(['STARTED', 'RUNNING', 'COMPLETE', 'INCOMPLETE'] as const)('a stream says that it is %s', (status) => {
  expect(messageOn(formatStatusLine(inWest, status, at)).trace).toEqual({
    type: 'STREAM_STATUS',
    emitted_at: at,
    stream_status: { stream_descriptor: inWest, status },
  });
});

test('a stream that waits for the limit is running, with the reset in whole milliseconds when it is known', () => {
  const reasons = (line: string) =>
    (messageOn(line).trace as { stream_status: { status: string; reasons: unknown } }).stream_status;
  expect(reasons(formatRateLimitedLine(users, at + 0.5, at))).toMatchObject({
    status: 'RUNNING',
    reasons: [{ type: 'RATE_LIMITED', rate_limited: { quota_reset: at + 1 } }],
  });
  expect(reasons(formatRateLimitedLine(users, undefined, at)).reasons).toEqual([
    { type: 'RATE_LIMITED', rate_limited: {} },
  ]);
});

test('an estimate tells the rows of a stream', () => {
  expect(messageOn(formatEstimateLine(inWest, 3000, at)).trace).toEqual({
    type: 'ESTIMATE',
    emitted_at: at,
    estimate: { ...inWest, type: 'STREAM', row_estimate: 3000 },
  });
});

test('check, spec and discover answer in the messages of the protocol', () => {
  expect(messageOn(formatConnectionStatusLine('SUCCEEDED')).connectionStatus).toEqual({ status: 'SUCCEEDED' });
  expect(messageOn(formatConnectionStatusLine('FAILED', 'why')).connectionStatus).toEqual({
    status: 'FAILED',
    message: 'why',
  });
  const spec = { documentationUrl: 'https://example.com/docs', connectionSpecification: { type: 'object' } };
  expect(messageOn(formatSpecLine(spec)).spec).toEqual(spec);
  const stream = {
    name: 'users',
    json_schema: { type: 'object' },
    supported_sync_modes: ['full_refresh' as const],
    source_defined_cursor: true,
    source_defined_primary_key: [['user_id']],
    is_resumable: true,
  };
  expect(messageOn(formatCatalogLine([stream])).catalog).toEqual({ streams: [stream] });
});

test('the schema used here does refuse wrong messages', () => {
  expect(messageFaults({ type: 'RECORD', record: { stream: 'users', data: {}, emitted_at: 1.5 } })).not.toEqual([]);
  expect(messageFaults({ type: 'LOG', log: { level: 'info', message: '' } })).not.toEqual([]);
});
