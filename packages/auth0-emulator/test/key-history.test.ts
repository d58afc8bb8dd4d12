import { type JsonObject, toText } from '../src/json';
import { NoSuchEntity } from '../src/data/tenant';
import type { TenantChange } from '../src/data/tenant-change';
import { type StreamKeys, truthReaders, truthStreams } from '../src/data/truth';
import { createDraws, pick } from '../src/random';
import { type Emulator, startEmulator } from '../src/server';

let emulator: Emulator;

beforeEach(async () => {
  emulator = await startEmulator({
    scenario: {
      users: { count: 40 },
      organizations: { count: 5, members: { min: 0, max: 12 } },
      clients: { count: 4 },
      roles: { count: 3, owned: { organizations: 2, each: 2 } },
    },
  });
});
afterEach(() => emulator.close());

const mapStreams = (keysOf: (stream: keyof StreamKeys) => Set<string>): StreamKeys =>
  Object.fromEntries(truthStreams.map((stream) => [stream, keysOf(stream)])) as StreamKeys;
const keysNow = (): StreamKeys =>
  mapStreams((stream) => new Set([...truthReaders[stream](emulator.tenant)].map(({ key }) => key)));

/** A change to one of few entities, so keys are deleted and created again. */
function drawChange(draw: () => number): TenantChange {
  const { users, organizations, clients, roles } = emulator.tenant;
  const user_id = toText(users.generate(draw() % 12)['user_id']);
  const idOf = (rows: readonly { id: string }[]): string => rows[draw() % Math.max(1, rows.length)]?.id ?? 'none';
  const org_id = idOf(organizations.rows.slice(0, 3));
  const role = idOf(roles.rows);
  const frequent: readonly TenantChange[] = [
    { type: 'createUser' },
    { type: 'createUser', user: { user_id } },
    { type: 'updateUser', user_id },
    { type: 'deleteUser', user_id },
    { type: 'addMember', org_id, user_id, roles: [role] },
    { type: 'addMember', org_id, user_id },
    { type: 'removeMember', org_id, user_id },
    { type: 'createOrganization' },
    { type: 'updateOrganization', id: org_id, patch: { display_name: 'Changed' } },
    { type: 'createClient' },
    { type: 'createRole' },
  ];
  const rare: readonly TenantChange[] = [
    { type: 'deleteOrganization', id: organizations.rows[3]?.id ?? 'none' },
    { type: 'deleteClient', client_id: clients.rows[1]?.id ?? 'none' },
    { type: 'deleteRole', id: role, lingers: draw() % 2 === 0 },
  ];
  return pick([...frequent, ...frequent, ...frequent, ...rare], draw());
}

function applyIfPossible(change: TenantChange): JsonObject | undefined {
  try {
    return emulator.tenant.apply(change);
  } catch (error) {
    if (error instanceof NoSuchEntity) return undefined;
    throw error;
  }
}

/** Applies changes and compares all records after each; returns the keys present always and ever. */
function watch(draw: () => number, changes: number): { throughout: StreamKeys; ever: StreamKeys } {
  let throughout = keysNow();
  let ever = keysNow();
  for (let nth = 0; nth < changes; nth += 1) {
    applyIfPossible(drawChange(draw));
    const now = keysNow();
    throughout = mapStreams((stream) => new Set([...throughout[stream]].filter((key) => now[stream].has(key))));
    ever = mapStreams((stream) => new Set([...ever[stream], ...now[stream]]));
  }
  return { throughout, ever };
}

it.each([1, 2, 3, 4, 5, 6])('returns the keys present always and ever during random changes, seed %i', (seed) => {
  const { throughout, ever } = watch(createDraws(seed, 1, 1), 150);
  expect(emulator.listKeysAlwaysPresent()).toEqual(throughout);
  expect(emulator.listKeysEverPresent()).toEqual(ever);
  for (const stream of truthStreams) {
    expect(throughout[stream].size).toBeGreaterThan(0);
    expect(ever[stream].size).toBeGreaterThan(throughout[stream].size);
  }
});

it('restarts the period', () => {
  watch(createDraws(7, 1, 1), 60);
  emulator.restartKeyHistory();
  expect(emulator.listKeysAlwaysPresent()).toEqual(keysNow());
  expect(emulator.listKeysEverPresent()).toEqual(keysNow());
  const { throughout, ever } = watch(createDraws(8, 1, 1), 60);
  expect(emulator.listKeysAlwaysPresent()).toEqual(throughout);
  expect(emulator.listKeysEverPresent()).toEqual(ever);
});
