import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { openProject, type TestProject } from '../support/project';
import { scratchFolder } from '../support/scratch';
import { until } from '../support/wait';

jest.setTimeout(120_000);

const folder = scratchFolder();
let project: TestProject;
let temporal: TemporalConnection;

beforeAll(async () => {
  const scenario = {
    users: { count: 300 },
    organizations: { count: 5, members: 5 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  project = await openProject(folder, { scenario });
  await project.startWorker();
  temporal = await connect(project.namespace);
});
afterAll(async () => {
  await project.close();
  await temporal.close();
});

it('waits for child workflows that a terminated sync has left behind', async () => {
  // No worker polls this task queue, so the workflow does not learn that it must end.
  const left = { workflowId: 'sync/acme/clients', taskQueue: 'without-workers', args: [] };
  const child = await temporal.client.workflow.start('streamWorkflow', left);
  const syncing = project.run('sync', 'acme');
  await until(() => project.tenant.readStatistics().requests >= 3, 'request 3');
  await child.terminate();
  const { code, stderr } = await syncing;
  expect({ code, stderr }).toEqual({ code: 0, stderr });
});
