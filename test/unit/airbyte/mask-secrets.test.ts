import fc from 'fast-check';
import {
  formatConnectionStatusLine,
  formatErrorLine,
  formatLogLine,
  formatStateLine,
} from '../../../src/airbyte/messages';
import { maskLine, maskSecrets } from '../../../src/airbyte/protocol-output';
import { parseMessage } from './protocol/validator';

test('masks a secret in plain text, form-encoded text and JSON', () => {
  const secret = 'pa"ss+w/ö rd';
  const body = new URLSearchParams({ client_secret: secret }).toString();
  const text = `${secret} in ${body} and ${JSON.stringify({ secret })}, ${secret}`;
  expect(maskSecrets(text, [secret])).toBe('**** in client_secret=**** and {"secret":"****"}, ****');
});

test('masks a secret completely when a shorter one is its beginning', () => {
  expect(maskSecrets('abc abcdef', ['abc', 'abcdef'])).toBe('**** ****');
});

test('masks nothing for an empty secret', () => {
  expect(maskSecrets('text', [''])).toBe('text');
});

test('masks any secret in a log message, which stays a valid message', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'binary' }), fc.string(), (secret, around) => {
      fc.pre(!'****'.includes(secret));
      const text = `${around}${secret}${around}`;
      const secrets = new Set([secret]);
      const log = parseMessage(maskLine(formatLogLine('INFO', text, text), secrets)).log as Record<string, string>;
      expect(log.level).toBe('INFO');
      expect(log.message).not.toContain(secret);
      expect(log.stack_trace).not.toContain(secret);
    }),
  );
});

test('masks traces and connection statuses, but not the protocol’s own values', () => {
  const secrets = new Set(['ERROR', 'FAILED', 'message']);
  const line = formatErrorLine({ message: 'ERROR', internalMessage: 'an ERROR', failureType: 'system_error' }, 1);
  expect(parseMessage(maskLine(line, secrets))).toEqual({
    type: 'TRACE',
    trace: {
      type: 'ERROR',
      emitted_at: 1,
      error: { message: '****', internal_message: 'an ****', failure_type: 'system_error' },
    },
  });
  expect(parseMessage(maskLine(formatConnectionStatusLine('FAILED', 'it FAILED'), secrets)).connectionStatus).toEqual({
    status: 'FAILED',
    message: 'it ****',
  });
});

test('never changes data', () => {
  const line = formatStateLine({ name: 'users' }, { message: 'abc' }, 0);
  expect(maskLine(line, new Set(['abc']))).toBe(line);
});
