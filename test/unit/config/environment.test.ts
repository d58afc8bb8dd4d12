import path from 'node:path';
import { readEnvironment } from '../../../src/config/environment';
import { failureOf } from '../../support/config-failure';
import { createShell } from '../../support/cli';

test('returns the defaults for an empty environment', () => {
  expect(readEnvironment(createShell({}))).toEqual({
    logLevel: 'INFO',
    fetchBudget: {},
    pacing: {},
    heartbeatSeconds: 10,
    taskQueue: 'rollcall',
  });
});

test('treats empty variables as absent', () => {
  const names = ['LOG_LEVEL', 'TEMPORAL_ADDRESS', 'ROLLCALL_FETCH_PAGES', 'ROLLCALL_STAGING'];
  expect(readEnvironment(createShell(Object.fromEntries(names.map((name) => [name, '']))))).toEqual(
    readEnvironment(createShell({})),
  );
});

test('reads every variable', () => {
  expect(
    readEnvironment(
      createShell({
        LOG_LEVEL: 'debug',
        TEMPORAL_ADDRESS: '127.0.0.1:7233',
        ROLLCALL_FETCH_PAGES: '3',
        ROLLCALL_FETCH_SECONDS: '0.5',
        ROLLCALL_FETCH_BYTES: '1e6',
        ROLLCALL_HEARTBEAT_SECONDS: '2.5',
        ROLLCALL_STAGING: 'staging',
        ROLLCALL_LISTEN: '[::1]:9464',
        ROLLCALL_TASK_QUEUE: 'nightly',
        TEMPORAL_DEPLOYMENT_NAME: 'rollcall',
        TEMPORAL_WORKER_BUILD_ID: '1.4.0',
        ROLLCALL_RATE_LIMIT_RESERVE: '0.25',
        ROLLCALL_MAX_CONCURRENCY: '3',
        HOME: '/unrelated',
      }),
    ),
  ).toEqual({
    logLevel: 'DEBUG',
    fetchBudget: { pages: 3, seconds: 0.5, bytes: 1_000_000 },
    pacing: { rate_limit_reserve: 0.25, max_concurrency: 3 },
    heartbeatSeconds: 2.5,
    stagingDir: path.resolve('staging'),
    listen: { host: '::1', port: 9464 },
    taskQueue: 'nightly',
    deployment: { deploymentName: 'rollcall', buildId: '1.4.0' },
  });
});

test.each([
  ['info', 'INFO'],
  ['Warn', 'WARN'],
  ['WARNING', 'WARN'],
  ['critical', 'FATAL'],
])('reads LOG_LEVEL=%s as %s', (LOG_LEVEL, level) => {
  expect(readEnvironment(createShell({ LOG_LEVEL })).logLevel).toBe(level);
});

test.each([
  ['LOG_LEVEL', 'loud', 'must be one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE'],
  ['TEMPORAL_ADDRESS', 'http://localhost:7233', 'must be host:port'],
  ['TEMPORAL_ADDRESS', 'localhost', 'must be host:port'],
  ['ROLLCALL_LISTEN', ':9464', 'must be host:port'],
  ['ROLLCALL_LISTEN', '0.0.0.0:94640', 'must end with a port'],
  ['ROLLCALL_FETCH_PAGES', 'many', 'must be a number'],
  ['ROLLCALL_FETCH_PAGES', '1.5', 'must be a whole number'],
  ['ROLLCALL_FETCH_PAGES', '0', 'must be greater than 0'],
  ['ROLLCALL_FETCH_BYTES', '-1', 'must be greater than 0'],
  ['ROLLCALL_FETCH_SECONDS', 'Infinity', 'must be a number'],
  ['ROLLCALL_HEARTBEAT_SECONDS', '0', 'must be greater than 0'],
])('rejects %s=%s and names the variable', async (name, value, message) => {
  const failure = await failureOf(() => readEnvironment(createShell({ [name]: value })));
  expect(failure.message).toContain(`${name} ${message}`);
  expect(failure.where).toBe(name);
});

test.each([
  ['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID'],
  ['TEMPORAL_WORKER_BUILD_ID', 'TEMPORAL_DEPLOYMENT_NAME'],
])('rejects %s without its counterpart', async (name, missing) => {
  const { message } = await failureOf(() => readEnvironment(createShell({ [name]: 'rollcall' })));
  expect(message).toContain(`${missing} is missing`);
});
