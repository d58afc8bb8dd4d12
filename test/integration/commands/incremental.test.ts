import { join } from 'node:path';
import { type Emulator, startEmulator, type TenantChange } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { readFilesDestination } from '../../support/files-reader';
import { runCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(120_000);

async function usersIn(folder: string): Promise<JsonObject[]> {
  const users: JsonObject[] = [];
  for await (const { stream, data } of readFilesDestination(join(folder, 'data'))) {
    if (stream === 'users') users.push(data);
  }
  return users;
}

/** What a reader that takes the newest version of each user sees. */
function newest(users: readonly JsonObject[]): Map<string, JsonObject> {
  const held = new Map<string, JsonObject>();
  for (const user of users) {
    const id = user['user_id'] as string;
    const known = held.get(id);
    if (!known || String(known['updated_at'] ?? '') <= String(user['updated_at'] ?? '')) held.set(id, user);
  }
  return held;
}

describe('a sync of users while they change', () => {
  const folder = scratchFolder();
  let tenant: Emulator;
  let deleted: string[];
  let updated: string[];

  beforeAll(async () => {
    const scenario = { seed: 5, users: { count: 900, missingUpdatedAt: 3 }, organizations: { count: 0 } };
    const idOf = (index: number): string => tenant.tenant.users.read(index)?.['user_id'] as string;
    tenant = await startEmulator({ scenario: { ...scenario, clients: { count: 0 }, roles: { count: 0 } } });
    updated = [850, 500, 20].map(idOf);
    deleted = [10, 11, 12].map(idOf);
    const changes: TenantChange[] = [
      ...updated.map((user_id): TenantChange => ({
        type: 'updateUser',
        user_id,
        patch: { nickname: 'changed-meanwhile' },
      })),
      ...deleted.map((user_id): TenantChange => ({ type: 'deleteUser', user_id })),
    ];
    await tenant.close();
    tenant = await startEmulator({
      scenario: { ...scenario, clients: { count: 0 }, roles: { count: 0 } },
      churn: { script: changes.map((change, index) => ({ afterRequest: 3 + index, change })) },
    });
    projectFor(folder, tenant);
  });
  afterAll(() => tenant.close());

  it('copies at first every user that was there all the time, also those that changed', async () => {
    const { code } = await runCli(['sync', 'acme', '--stream', 'users'], { cwd: folder });
    expect(code).toBe(0);
    const copied = newest(await usersIn(folder));
    const missing = [...tenant.readTruth().users.keys()].filter((id) => !copied.has(id));
    expect(missing).toEqual([]);
  });

  it('copies next what has changed since, and no more', async () => {
    const before = await usersIn(folder);
    const { code, stdout } = await runCli(['sync', 'acme', '--stream', 'users', '--json'], { cwd: folder });
    expect(code).toBe(0);
    const after = await usersIn(folder);
    // The three that changed in mid-run, and the three that no timestamp finds.
    expect(JSON.parse(stdout)).toMatchObject({ streams: [{ stream: 'users', records: 6 }] });
    expect(after).toHaveLength(before.length + 6);
    const copied = newest(after);
    for (const id of updated) expect(copied.get(id)).toMatchObject({ nickname: 'changed-meanwhile' });
  });

  it('replaces all with --full, so that deleted users are gone', async () => {
    const { code } = await runCli(['sync', 'acme', '--stream', 'users', '--full'], { cwd: folder });
    expect(code).toBe(0);
    const ids = (await usersIn(folder)).map((user) => user['user_id'] as string);
    expect(ids.sort()).toEqual([...tenant.readTruth().users.keys()].sort());
  });
});
