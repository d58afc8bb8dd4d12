import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { MissingScope } from '../../../src/auth0/errors';
import { type CheckReport, checkTenant, formatCheckProblem } from '../../../src/preflight/check';
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

async function checkWithout(...missing: string[]): Promise<CheckReport> {
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => !missing.includes(scope)) });
  const client = createTestClient(tenant);
  return checkTenant(client).finally(() => client.close());
}

it('finds no problem when everything is readable, with one request per stream', async () => {
  tenant.resetStatistics();
  const report = await checkWithout();
  expect(report).toEqual({ missingScopes: [] });
  expect(formatCheckProblem(report)).toBeUndefined();
  expect(tenant.readStatistics().requests).toBe(5);
});

it('finds no problem in an empty tenant', async () => {
  const client = createTestClient(empty);
  expect(await checkTenant(client)).toEqual({ missingScopes: [] });
  client.close();
});

it.each([
  ['read:clients', ['clients']],
  ['read:users', ['users']],
  ['read:organization_members', ['organization_members', 'organization_member_roles']],
  ['read:organization_member_roles', ['organization_member_roles']],
])('lists the streams that need the missing scope %s', async (scope, streams) => {
  const report = await checkWithout(scope);
  expect(report.failure).toBeUndefined();
  expect(report.missingScopes.map(({ stream }) => stream)).toEqual(streams);
  for (const { scopes } of report.missingScopes) expect(scopes).toContain(scope);
});

it('lists the scopes of member streams from the token when there is no organization', async () => {
  empty.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:organization_members') });
  const client = createTestClient(empty);
  const { missingScopes } = await checkTenant(client);
  client.close();
  expect(missingScopes).toEqual([
    { stream: 'organization_members', scopes: ['read:organization_members'] },
    { stream: 'organization_member_roles', scopes: ['read:organization_members'] },
  ]);
});

it("names the stream's own scope when Auth0's refusal lists alternatives and the token's scopes are unknown", async () => {
  const client = createTestClient(tenant);
  const refusal = new MissingScope('GET clients', ['read:clients', 'read:client_keys']);
  const report = await checkTenant(
    { ...client, getScopes: () => Promise.resolve(undefined), getPage: () => Promise.reject(refusal) },
    ['clients'],
  );
  client.close();
  expect(report.missingScopes).toEqual([{ stream: 'clients', scopes: ['read:clients'] }]);
});

it('requires no scope for the descriptions of roles', async () => {
  expect(await checkWithout('read:roles')).toEqual({ missingScopes: [] });
});

it('formats in one message which streams lack which scopes, and what to grant', async () => {
  const problem = formatCheckProblem(await checkWithout('read:clients', 'read:organization_member_roles'));
  expect(problem).toContain('clients (needs read:clients');
  expect(problem).toContain('organization_member_roles (needs read:organization_member_roles)');
  expect(problem).toMatch(/: read:clients read:organization_member_roles$/);
});

it('stops at rejected credentials, which concern all streams', async () => {
  const client = createTestClient({ ...tenant, clientSecret: 'wrong' });
  const report = await checkTenant(client);
  client.close();
  const message = expect.stringMatching(/^Auth0 rejected the client ID or the client secret\./) as string;
  expect(report).toEqual({ failure: { exitCode: 4, message }, missingScopes: [] });
  expect(formatCheckProblem(report)).toBe(report.failure?.message);
});

it('ignores an organization that is deleted during the check', async () => {
  tenant.updateSettings({ scopes: readerScopes });
  const client = createTestClient(tenant);
  const getPage: typeof client.getPage = async (request, options) => {
    const page = await client.getPage(request, options);
    if (request.path === 'organizations') {
      tenant.tenant.apply({ type: 'deleteOrganization', id: page.rows[0]?.['id'] as string });
    }
    return page;
  };
  expect(await checkTenant({ ...client, getPage })).toEqual({ missingScopes: [] });
  client.close();
});
