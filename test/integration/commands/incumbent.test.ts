/**
 * The known failures of Airbyte's own connector for Auth0, from its users' reports and its manifest. Each test is named after
 * the failure that it rules out.
 */
import {
  type Emulator,
  findSecrets,
  readerScopes,
  secretScopes,
  startEmulator,
  type Statistics,
  type TruthStream,
} from 'auth0-emulator';
import type { AirbyteStream } from '../../../src/airbyte/messages';
import type { JsonObject } from '../../../src/json';
import { type CliResult, runCli } from '../../support/cli';
import { messagesOf, streamsThatAre, tracedErrors, writeJson } from '../../support/program';
import { catalogFor, compare, configOf } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(120_000);

/** A read with the real command, and its output. */
interface Read extends CliResult {
  messages: JsonObject[];
  records(stream: TruthStream): JsonObject[];
  ids(stream: 'users' | 'organizations'): string[];
}

const folder = scratchFolder();
let files = 0;

function write(value: unknown): string {
  return writeJson(folder, `${(files += 1)}.json`, value);
}

async function read(config: JsonObject, catalog: JsonObject, state: JsonObject = {}): Promise<Read> {
  const flags = ['--config', write(config), '--catalog', write(catalog), '--state', write(state)];
  const ended = await runCli(['read', ...flags], { program: 'source-auth0' });
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
  const messages = messagesOf(ended.stdout);
  const records = (stream: TruthStream): JsonObject[] =>
    messages
      .filter(({ type }) => type === 'RECORD')
      .map(({ record }) => record as { stream: string; data: JsonObject })
      .filter((record) => record.stream === stream)
      .map(({ data }) => data);
  const ids = (stream: TruthStream): string[] =>
    records(stream).map((record) => (record['user_id'] ?? record['id']) as string);
  return { ...ended, messages, records, ids };
}

async function check(config: JsonObject): Promise<unknown> {
  const { code, stdout, stderr } = await runCli(['check', '--config', write(config)], { program: 'source-auth0' });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return messagesOf(stdout).find(({ type }) => type === 'CONNECTION_STATUS')?.['connectionStatus'];
}

const memberStreams = ['organization_members', 'organization_member_roles'] as const;

const longAgo = '2016-05-01T10:00:00.000Z';
const oldUser = { user_id: 'auth0|old', created_at: longAgo, updated_at: longAgo };

let tenant: Emulator;
let whole: Read;
/** Contents and statistics of the tenant at the end of that read. */
let truth: ReturnType<Emulator['readTruth']>;
let statistics: Statistics;
/** Users that change during that read. */
let changing: string[];

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 1_100, missingUpdatedAt: 3, ties: [{ size: 150 }] },
      organizations: { count: 8, members: { min: 0, max: 60 }, firstMemberCounts: [1_050] },
      clients: { count: 1_100 },
      roles: { count: 5 },
    },
    scopes: [...readerScopes, ...secretScopes],
    faults: [
      { match: '//', kind: 'html' },
      { match: '/api/v2/clients', nth: 2, kind: 'reset' },
    ],
  });
  tenant.tenant.apply({ type: 'createUser', user: oldUser });
  changing = [...tenant.tenant.users.iterateUsers()]
    .filter((user, place) => place % 40 === 0 && user['updated_at'] !== undefined)
    .map((user) => user['user_id'] as string);
  tenant.setScript(
    changing.map((user_id, place) => ({ afterRequest: 3 + place, change: { type: 'updateUser', user_id } })),
  );
  const incremental = catalogFor(['users'], { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' });
  const others = catalogFor(['clients', 'organizations', ...memberStreams]);
  whole = await read(configOf(tenant), {
    streams: [incremental, others].flatMap(({ streams }) => streams as JsonObject[]),
  });
  truth = tenant.readTruth();
  statistics = tenant.readStatistics();
});
afterAll(() => tenant.close());

it('failure 1: gets a token with a client ID and a client secret, and uses it for the whole read', () => {
  expect(statistics.byRoute['token']).toEqual({ '200': 1 });
  expect(streamsThatAre('COMPLETE', whole.stdout)).toHaveLength(5);
});

// More than 1,000 organizations, which take a request each for their members: integration/read.test.ts.
it.each(['clients', 'users', 'organization_members'] as const)(
  'failure 2: reads more than 1,000 %s, where page numbers end',
  (stream) => {
    const { lost, invented, twice } = compare(stream, whole.records(stream), truth[stream]);
    expect(truth[stream].size).toBeGreaterThan(1_000);
    expect({ lost, invented, twice }).toEqual({ lost: [], invented: [], twice: [] });
  },
);

it('failure 7: skips no user when others change during the read', () => {
  const begun = (whole.messages[0]?.['trace'] as { emitted_at: number }).emitted_at;
  const changedAt = (id: string): number => Date.parse(tenant.tenant.users.get(id)?.['updated_at'] as string);
  expect(changing.filter((id) => changedAt(id) >= begun).length).toBeGreaterThan(10);
  expect(new Set(whole.ids('users'))).toEqual(new Set(truth.users.keys()));
});

it.each(memberStreams)('failure 8: fills org_id and user_id in %s', (stream) => {
  const owners = whole.records(stream).map(({ org_id, user_id }) => ({ org_id, user_id }));
  expect(owners.length).toBeGreaterThan(1_000);
  const unfilled = owners.filter(
    ({ org_id, user_id }) => !truth.organizations.has(org_id as string) || !truth.users.has(user_id as string),
  );
  expect(unfilled).toEqual([]);
});

it('failure 9: has keys that distinguish a member of two organizations, and a role of two members', async () => {
  const { stdout } = await runCli(['discover', '--config', write(configOf(tenant))], { program: 'source-auth0' });
  const { streams } = messagesOf(stdout)[0]?.['catalog'] as unknown as { streams: AirbyteStream[] };
  const formerKeys = { organization_members: ['user_id'], organization_member_roles: ['id'] };
  for (const stream of memberStreams) {
    const records = whole.records(stream);
    const distinct = (key: string[]): number =>
      new Set(records.map((record) => JSON.stringify(key.map((field) => record[field])))).size;
    const { source_defined_primary_key: key = [] } = streams.find(({ name }) => name === stream) ?? {};
    expect(distinct(key.flat())).toBe(records.length);
    expect(distinct(formerKeys[stream])).toBeLessThan(records.length);
  }
});

it('failure 10: reads roles with the lists of members instead of a request for each member', () => {
  expect(whole.records('organization_member_roles').length).toBeGreaterThan(1_000);
  // A page for each organization, and ten more for the big one.
  expect(statistics.byRoute['members']).toEqual({ '200': 8 + 10 });
  expect(statistics.byRoute['memberRoles']).toBeUndefined();
});

it('failure 11: checks a tenant without organizations successfully', async () => {
  const none = { count: 0 };
  const scenario = { users: { count: 3 }, organizations: none, clients: { count: 1 }, roles: none };
  const withoutAny = await startEmulator({ scenario });
  expect(await check(configOf(withoutAny))).toEqual({ status: 'SUCCEEDED' });
  await withoutAny.close();
});

it('failure 12: accepts a base URL with and without a final slash', async () => {
  // The tenant answers 404 to paths with two slashes in a row, and the read above used a base URL with a final slash.
  expect(configOf(tenant)['base_url']).toBe(`${tenant.url}/`);
  expect(whole.code).toBe(0);
  expect(await check({ ...configOf(tenant), base_url: tenant.url })).toEqual({ status: 'SUCCEEDED' });
});

it('failure 13: emits no secret of a client, though the token may read them', () => {
  const secret = ['client_secret', 'signing_keys', 'encryption_key'];
  expect(whole.records('clients').flatMap((client) => secret.filter((field) => field in client))).toEqual([]);
  expect(findSecrets(whole.stdout)).toEqual([]);
});

it('failure 14: retries a request whose connection was reset', () => {
  expect(statistics.byRoute['clients']).toMatchObject({ '0': 1 });
  expect(streamsThatAre('COMPLETE', whole.stdout)).toContain('clients');
});

it('failure 15: reads each page once when the last page of a list is full', () => {
  expect(whole.records('clients')).toHaveLength(1_100);
  expect(statistics.byRoute['clients']).toMatchObject({ '200': 11 });
});

it('failure 17: names streams that do not exist: logs, connections and grants', async () => {
  const [users] = catalogFor(['users'])['streams'] as unknown as { stream: AirbyteStream }[];
  for (const name of ['logs', 'connections', 'grants']) {
    const asked = { ...users, stream: { ...users!.stream, name } };
    const flags = ['--config', write(configOf(tenant)), '--catalog', write({ streams: [asked] })];
    const { code, stdout } = await runCli(['read', ...flags], { program: 'source-auth0' });
    expect(code).toBe(2);
    expect(tracedErrors(stdout)).toMatchObject([
      { failure_type: 'config_error', message: expect.stringContaining(name) },
    ]);
  }
});

describe('after changes to the tenant', () => {
  const late = 'auth0|late';
  let gone: { organization: string; user: string };
  let tied: Read;
  let lookedBack: Read;
  let refreshed: Read;

  beforeAll(async () => {
    const config = configOf(tenant);
    const saved = whole.messages
      .map(({ state }) => (state as { stream?: JsonObject } | undefined)?.stream)
      .filter((stream) => (stream?.['stream_descriptor'] as JsonObject | undefined)?.['name'] === 'users')
      .map((stream) => stream?.['stream_state'] as { updated_at: string })
      .at(-1);
    const before = new Date(Date.parse(saved?.updated_at ?? '') - 100_000).toISOString();
    tenant.tenant.apply({ type: 'createUser', user: { user_id: late, created_at: before, updated_at: before } });
    gone = { organization: whole.ids('organizations')[1] ?? '', user: whole.ids('users')[7] ?? '' };
    tenant.tenant.apply({ type: 'deleteOrganization', id: gone.organization });
    tenant.tenant.apply({ type: 'deleteUser', user_id: gone.user });

    const users = catalogFor(['users'], { sync_mode: 'incremental' });
    // The form in which the connector's newer engine saves it.
    const savedByIncumbent = { users: { updated_at: before.replace('Z', '000Z') } };
    [tied, lookedBack, refreshed] = await Promise.all([
      // The look-back is the answer to failure 4.
      read({ ...config, lookback_seconds: 0 }, users, savedByIncumbent),
      read(config, users, { users: (saved as JsonObject | undefined) ?? {} }),
      read({ ...config, start_date: '2017-01-25T00:00:00Z' }, catalogFor()),
    ]);
  });

  it('failure 3: reads a user who changed in the millisecond of the saved cursor', () => {
    expect(tied.ids('users')).toContain(late);
  });

  it('failure 4: reads a user who changed before the saved cursor and appeared in the search later', () => {
    expect(lookedBack.ids('users')).toContain(late);
  });

  it('failure 5: reads the oldest users without a start date, and takes a start date in the documented form', () => {
    expect(whole.ids('users')).toContain(oldUser.user_id);
    const { lost } = compare('users', refreshed.records('users'), tenant.readTruth().users);
    expect(lost).toEqual([oldUser.user_id]);
  });

  it('failure 6: reads users without updated_at in full and incremental reads', () => {
    const undated = (one: Read): JsonObject[] => one.records('users').filter((user) => !('updated_at' in user));
    expect([whole, lookedBack, refreshed].map((one) => undated(one).length)).toEqual([3, 3, 3]);
  });

  it('failure 16: leaves deleted objects out of the next full refresh', () => {
    expect(whole.ids('organizations')).toContain(gone.organization);
    expect(refreshed.ids('organizations')).not.toContain(gone.organization);
    expect(refreshed.ids('users')).not.toContain(gone.user);
    const belonging = (one: Read): JsonObject[] =>
      memberStreams
        .flatMap((stream) => one.records(stream))
        .filter(({ org_id, user_id }) => org_id === gone.organization || user_id === gone.user);
    expect(belonging(whole).length).toBeGreaterThan(1);
    expect(belonging(refreshed)).toEqual([]);
    expect(streamsThatAre('COMPLETE', refreshed.stdout)).toHaveLength(5);
  });
});
