import { formatCheckProblem, checkTenant } from '../../../src/preflight/check';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { createTestClient } from '../../support/fetch-fixture';

let tenant: Emulator;
let empty: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
  empty = await startEmulator({ scenario: 'empty' });
});
afterAll(async () => {
  await tenant.close();
  await empty.close();
});

async function checkWithout(...missing: string[]): Promise<ReturnType<typeof checkTenant>> {
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => !missing.includes(scope)) });
  const client = createTestClient(tenant);
  return checkTenant(client).finally(() => client.close());
}

it('finds nothing amiss where all can be read, with one request a stream', async () => {
  tenant.resetStatistics();
  const report = await checkWithout();
  expect(report).toEqual({ missingScopes: [] });
  expect(formatCheckProblem(report)).toBeUndefined();
  expect(tenant.readStatistics().requests).toBe(5);
});

it('finds nothing amiss in a tenant without anything', async () => {
  const client = createTestClient(empty);
  expect(await checkTenant(client)).toEqual({ missingScopes: [] });
  client.close();
});

it.each([
  ['read:clients', ['clients']],
  ['read:users', ['users']],
  ['read:organization_members', ['organization_members', 'organization_member_roles']],
  ['read:organization_member_roles', ['organization_member_roles']],
])('names what cannot be read without %s', async (scope, streams) => {
  const report = await checkWithout(scope);
  expect(report.failure).toBeUndefined();
  expect(report.missingScopes.map(({ stream }) => stream)).toEqual(streams);
  for (const { scopes } of report.missingScopes) expect(scopes).toContain(scope);
});

it('needs no scope for the descriptions of roles', async () => {
  expect(await checkWithout('read:roles')).toEqual({ missingScopes: [] });
});

it('says in one message which streams lack which scopes, and what to grant', async () => {
  const problem = formatCheckProblem(await checkWithout('read:clients', 'read:organization_member_roles'));
  expect(problem).toContain('clients (needs read:clients');
  expect(problem).toContain('organization_member_roles (needs read:organization_member_roles)');
  expect(problem).toMatch(/: read:clients read:organization_member_roles$/);
});

it('ends at what concerns more than one stream, and tells it once', async () => {
  const client = createTestClient({ ...tenant, clientSecret: 'wrong' });
  const report = await checkTenant(client);
  client.close();
  expect(report).toMatchObject({ failure: { type: 'BadCredentials' }, missingScopes: [] });
  expect(formatCheckProblem(report)).toBe(report.failure?.message);
});

it('passes over an organization that vanishes while it is looked at', async () => {
  tenant.updateSettings({ scopes: readerScopes });
  const client = createTestClient(tenant);
  const list: typeof client.getPage = async (request, options) => {
    const page = await client.getPage(request, options);
    if (request.path === 'organizations') {
      tenant.tenant.apply({ type: 'deleteOrganization', id: page.rows[0]?.['id'] as string });
    }
    return page;
  };
  expect(await checkTenant({ ...client, getPage: list })).toEqual({ missingScopes: [] });
  client.close();
});
