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

/** The newest version of each user. */
function newest(users: readonly JsonObject[]): Map<string, JsonObject> {
  const newestById = new Map<string, JsonObject>();
  for (const user of users) {
    const id = user['user_id'] as string;
    const known = newestById.get(id);
    if (!known || String(known['updated_at'] ?? '') <= String(user['updated_at'] ?? '')) newestById.set(id, user);
  }
  return newestById;
}

describe('syncs of users that change', () => {
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

  const sync = (...flags: string[]) =>
    runCli(['sync', 'acme', '--stream', 'users', '--json', ...flags], { cwd: folder });

  it('copies all users first, then the changed ones, and with --full only those that exist', async () => {
    expect((await sync()).code).toBe(0);
    const first = await usersIn(folder);
    const copied = newest(first);
    expect([...tenant.readTruth().users.keys()].filter((id) => !copied.has(id))).toEqual([]);

    const { code, stdout } = await sync();
    expect(code).toBe(0);
    // The three that changed during the first sync, and the three that no timestamp finds.
    expect(JSON.parse(stdout)).toMatchObject({ streams: [{ stream: 'users', records: 6 }] });
    const second = await usersIn(folder);
    expect(second).toHaveLength(first.length + 6);
    for (const id of updated) expect(newest(second).get(id)).toMatchObject({ nickname: 'changed-meanwhile' });

    expect((await sync('--full')).code).toBe(0);
    const ids = (await usersIn(folder)).map((user) => user['user_id'] as string);
    expect(ids.sort()).toEqual([...tenant.readTruth().users.keys()].sort());
  });
});
