import { type Emulator, startEmulator } from 'auth0-emulator';
import { type Auth0Client, createAuth0Client } from '../../../src/auth0/client';
import { createUsersKeyset } from '../../../src/auth0/paging/keyset';
import { createListPaging } from '../../../src/auth0/paging/list';
import type { PageStep } from '../../../src/auth0/paging/page-step';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import type { ListRequest, Page } from '../../../src/auth0/request';
import { createClientTokenSource } from '../../../src/auth0/token';

let emulator: Emulator;
let client: Auth0Client;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'caps', shuffleTies: true, trailingMembersPage: true });
  const { url: baseUrl, clientId, clientSecret } = emulator;
  client = createAuth0Client({
    baseUrl,
    tokenSource: createClientTokenSource({ baseUrl, clientId, credential: { clientSecret } }),
    pacer: new Pacer(),
  });
});
afterAll(async () => {
  client.close();
  await emulator.close();
});

interface Paging<Cursor> {
  start(): Cursor;
  next(cursor: Cursor): ListRequest | undefined;
  advance(cursor: Cursor, page: Page, isDelivered: () => boolean): PageStep<Cursor>;
}

async function keysOf<Cursor>(paging: Paging<Cursor>, key: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor = paging.start();
  for (let request = paging.next(cursor); request; request = paging.next(cursor)) {
    const step = paging.advance(cursor, await client.getPage(request), () => false);
    cursor = step.cursor;
    keys.push(...step.fresh.map((row) => String(row[key])));
  }
  return keys.sort();
}

const truth = (stream: 'users' | 'clients' | 'organizations'): string[] =>
  [...emulator.readTruth()[stream].keys()].sort();

test.each(['created_at', 'updated_at'] as const)(
  'all 3,000 users of a tenant, 1,200 of them of one millisecond and some without %s, come once',
  async (key) => {
    expect(await keysOf(createUsersKeyset({ key, missing: true }), 'user_id')).toEqual(truth('users'));
  },
);

test.each([
  ['clients', 'client_id'],
  ['organizations', 'id'],
] as const)('all %s come once, beyond the 1,000 of offset paging', async (list, key) => {
  expect(await keysOf(createListPaging({ path: list, query: {}, list, key }, 'checkpoint'), key)).toEqual(truth(list));
});

test('the list of roles, which has no checkpoints, is read by offset', async () => {
  const roles = await keysOf(createListPaging({ path: 'roles', query: {}, list: 'roles', key: 'id' }, 'offset'), 'id');
  expect(new Set(roles).size).toBe(40);
});

test('no request was answered with 429', () => {
  expect(client.getStats().rateLimited).toBe(0);
});
