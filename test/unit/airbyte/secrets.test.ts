import fc from 'fast-check';
import {
  formatConnectionStatusLine,
  formatErrorLine,
  formatLogLine,
  formatStateLine,
} from '../../../src/airbyte/messages';
import { maskLine, maskSecrets } from '../../../src/airbyte/protocol-output';
import { messageOn } from './protocol/validator';

test('a secret is hidden wherever it stands, plain, form-encoded and inside JSON', () => {
  const secret = 'pa"ss+w/ö rd';
  const body = new URLSearchParams({ client_secret: secret }).toString();
  const text = `${secret} in ${body} and ${JSON.stringify({ secret })}, ${secret}`;
  expect(maskSecrets(text, [secret])).toBe('**** in client_secret=**** and {"secret":"****"}, ****');
});

test('a secret that begins like another one leaves no tail of it', () => {
  expect(maskSecrets('abc abcdef', ['abc', 'abcdef'])).toBe('**** ****');
});

test('an empty secret hides nothing', () => {
  expect(maskSecrets('text', [''])).toBe('text');
});

test('no masked message holds the secret, and each is still a message', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'binary' }), fc.string(), (secret, around) => {
      fc.pre(!'****'.includes(secret));
      const text = `${around}${secret}${around}`;
      const secrets = new Set([secret]);
      const log = messageOn(maskLine(formatLogLine('INFO', text, text), secrets)).log as Record<string, string>;
      expect(log.level).toBe('INFO');
      expect(log.message).not.toContain(secret);
      expect(log.stack_trace).not.toContain(secret);
    }),
  );
});

test('traces and connection statuses are masked, with the words of the protocol left alone', () => {
  const secrets = new Set(['ERROR', 'FAILED', 'message']);
  const line = formatErrorLine({ message: 'ERROR', internalMessage: 'an ERROR', failureType: 'system_error' }, 1);
  expect(messageOn(maskLine(line, secrets))).toEqual({
    type: 'TRACE',
    trace: {
      type: 'ERROR',
      emitted_at: 1,
      error: { message: '****', internal_message: 'an ****', failure_type: 'system_error' },
    },
  });
  expect(messageOn(maskLine(formatConnectionStatusLine('FAILED', 'it FAILED'), secrets)).connectionStatus).toEqual({
    status: 'FAILED',
    message: 'it ****',
  });
});

test('data is never altered', () => {
  const line = formatStateLine({ name: 'users' }, { message: 'abc' }, 0);
  expect(maskLine(line, new Set(['abc']))).toBe(line);
});
