import { inspectStaging, inspectTemporal } from '../../../src/preflight/environment-checks';
import { connect } from '../../../src/temporal/connection';
import { scratchFolders } from '../../support/scratch';

jest.mock('../../../src/temporal/connection');
jest.mock('../../../src/temporal/runtime');

const newFolder = scratchFolders();
const env = { TEMPORAL_ADDRESS: 'localhost:7233', TEMPORAL_NAMESPACE: 'acme' };
const options = { taskQueue: 'rollcall', fix: false, onLogEntry: () => undefined };
const unavailable = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('13 INTERNAL: made up'), { code: 13 }));

function connectTo(workflowService: Partial<Record<string, () => Promise<object>>>): void {
  const client = { workflowService };
  const connection = { client, native: { workflowService }, namespace: 'acme', close: () => Promise.resolve() };
  jest.mocked(connect).mockResolvedValue(connection as unknown as Awaited<ReturnType<typeof connect>>);
}

it('reports a task queue that the server does not describe, without the text of gRPC', async () => {
  connectTo({
    describeNamespace: () => Promise.resolve({}),
    countWorkflowExecutions: () => Promise.resolve({}),
    describeTaskQueue: unavailable,
  });
  const findings = await inspectTemporal({ env, cwd: '.' }, options);
  expect(findings).toEqual([
    { check: 'temporal', state: 'ok', message: 'localhost:7233 is reachable, namespace acme.' },
    { check: 'search attributes', state: 'ok', message: 'All present.' },
    {
      check: 'worker',
      state: 'warning',
      message: 'The server does not describe task queue rollcall.',
      fix: 'If the namespace is new, run the command again in a minute.',
    },
  ]);
});

it('reports a namespace that the server does not describe, and checks nothing in it', async () => {
  connectTo({ describeNamespace: unavailable });
  expect(await inspectTemporal({ env, cwd: '.' }, options)).toEqual([
    {
      check: 'temporal',
      state: 'warning',
      message: 'localhost:7233 is reachable, but cannot describe namespace acme.',
    },
  ]);
});

it('reports a staging folder that cannot be written as an error with its exit code', async () => {
  expect(await inspectStaging(newFolder())).toMatchObject({
    check: 'staging',
    message: expect.stringContaining('is writable'),
  });
  expect(await inspectStaging('/dev/null/nothing')).toMatchObject({
    check: 'staging',
    code: 5,
    fix: expect.any(String),
  });
});
