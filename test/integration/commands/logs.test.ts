import type { CliResult } from '../../support/cli';
import { openProject, type TestProject } from '../../support/project';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(90_000);

const folder = scratchFolder();
let project: TestProject;

beforeAll(async () => {
  const scenario = {
    users: { count: 600 },
    organizations: { count: 3, members: 2 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  project = await openProject(folder, { scenario });
});
afterAll(() => project.close());

/** The lines of a log without their times. */
function readLines({ code, stdout, stderr }: CliResult): string[] {
  // The worker of the same process reports its failed attempts here as well.
  const ownErrors = stderr.replace(/^warning: .*\n/gm, '');
  expect({ code, ownErrors }).toEqual({ code: 0, ownErrors: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, text] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}(\w.*)$/.exec(line) ?? [];
      return text ?? `not a line of a log: ${line}`;
    });
}

it('reports that a connection has no sync on record', async () => {
  const { code, stderr } = await project.run('logs', 'acme');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('no sync of acme on record') as string });
});

describe('with a worker', () => {
  beforeAll(() => project.startWorker());

  it('shows fetches, deliveries and failed attempts, and follows a sync to its end', async () => {
    project.tenant.setFaults([{ match: '^/api/v2/clients', kind: '503', times: 12 }]);
    await project.runOk('sync', 'acme', '--stream', 'clients', '--detach');
    const lines = readLines(await project.run('logs', 'acme', '--follow'));
    const retry = /^clients · fetchPages: retrying \(attempt \d\): .*503/;
    expect(lines).toContainEqual(expect.stringMatching(retry));
    expect(lines.filter((line) => !retry.test(line))).toEqual([
      'sync · started',
      'clients · delivery 0 · STARTED: delivered',
      expect.stringMatching(
        /^clients · fetch 1 · from page 1: 1 page, 3 rows, .* \(attempt \d; previous attempt: .*503/,
      ),
      'clients · delivery 1 · 3 records · COMPLETE: delivered',
      'clients · complete',
      'sync · complete',
    ]);
  });

  it('shows a pause with its reason, and the resumption', async () => {
    await project.runOk('sync', 'acme', '--detach');
    await project.runOk('pause', 'acme', '--reason', 'lunch');
    const following = project.start('logs', 'acme', '--follow');
    await following.waitForOutput('sync · paused: lunch');
    await project.runOk('resume', 'acme');
    const lines = readLines(await following.ended);
    expect(lines).toContain('sync · resumed');
    expect(lines).toContainEqual(
      expect.stringMatching(/^users · fetch \d+ · .*: \d+ pages?, \d+ rows?, \d+ requests?$/),
    );
    expect(lines.at(-1)).toBe('sync · complete');
    const events = (await project.runOk('logs', 'acme', '--json')).trimEnd().split('\n');
    expect(events.map((line) => JSON.parse(line) as object)).toContainEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      workflow: 'sync',
      text: 'paused: lunch',
    });
  });
});
