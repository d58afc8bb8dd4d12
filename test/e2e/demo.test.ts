import { readFilesDestination } from '../support/files-reader';
import { join } from 'node:path';
import { run } from '../support/program';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(60_000);

const folder = scratchFolder();

it('copies a tenant twice, prints where to look, and ends', async () => {
  const { code, stdout, stderr } = await run('rollcall', ['demo'], { cwd: folder });
  expect(code).toBe(0);
  expect(stdout.match(/│ total +│ complete /g)).toHaveLength(2);
  expect((stdout + stderr).split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stderr).toMatch(/Emulated tenant: http:\/\/127.0.0.1:\d+/);
  expect(stderr).toMatch(/Temporal UI: http:\/\/127.0.0.1:\d+/);
  expect(stderr).not.toMatch(/^ +at |\[WARN\]/m);

  const users = new Set<unknown>();
  for await (const { stream, data } of readFilesDestination(join(folder, 'data'))) {
    if (stream === 'users') users.add(data['user_id']);
  }
  // Two were created between the syncs.
  expect(users.size).toBe(452);
});
