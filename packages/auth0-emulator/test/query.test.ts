import { ApiError } from '../src/api-error';
import { compileQuery, parseQuery } from '../src/query/query';

const user = {
  user_id: 'auth0|abc',
  email: 'Some.One@example.com',
  name: 'Some One',
  created_at: '2026-08-17T20:25:34.048Z',
  logins_count: 7,
  blocked: false,
  username: null,
  identities: [
    { connection: 'github', user_id: 42 },
    { connection: 'Username-Password-Authentication', user_id: 'abc' },
  ],
  app_metadata: { plan: 'team', empty: '' },
  user_metadata: { theme: 'dark' },
};

const isMember = (organizationId: string, userId: string): boolean =>
  organizationId === 'org_1' && userId === 'auth0|abc';
const matches = (q: string): boolean => compileQuery(parseQuery(q), isMember)(user);

it.each([
  'user_id:"auth0|abc"',
  'user_id:auth0|abc',
  'user_id:auth0|a*',
  'user_id:auth0\\|a*',
  '"auth0|abc"',
  'email:"some.one@example.com"',
  'email:SOME*',
  'name:"some one"',
  'username:* OR name:*',
  'blocked:false',
  'logins_count:7',
  'logins_count:[7 TO 7]',
  'logins_count:{6 TO *]',
  'identities.connection:"github"',
  'identities.user_id:42',
  'app_metadata.plan:team',
  'app_metadata.plan:t*',
  'app_metadata.plan:*',
  '_exists_:app_metadata.plan',
  'organization_id:"org_1"',
  'email:*ple.com',
  'user_id:auth0|a?c',
  'created_at:[2026-08-17T20:25:34.048Z TO *]',
  'created_at:[* TO 2026-08-17T20:25:34.048Z]',
  'created_at:{2026-08-17T20:25:34.047Z TO 2026-08-17T20:25:34.049Z}',
  'created_at:{2026-08-17T20:25:34.047Z  TO 2026-08-17T20:25:34.048Z]',
  'created_at:[2026-08-17T20:25:34.048Z TO 2026-08-17T20:25:34.049Z}',
  'created_at:[2026-08-17 TO 2026-08-17]',
  'NOT _exists_:updated_at',
  'name:* AND NOT blocked:true',
  'blocked:true OR logins_count:7 AND name:*',
  'logins_count:7 AND name:* OR blocked:true',
  'NOT blocked:true AND logins_count:7',
  '(blocked:true OR logins_count:7) AND (NOT logins_count:8)',
  'logins_count:(8 OR 7)',
  'blocked:true OR NOT logins_count:8',
])('finds the user by %s', (q) => {
  expect(matches(q)).toBe(true);
});

it.each([
  'user_id:"auth0|ABC"',
  'user_id:"auth0|a*"',
  'username:*',
  '_exists_:app_metadata.empty',
  'identities.connection:"Git"',
  'app_metadata.plan:Team',
  'organization_id:"org_2"',
  'created_at:{2026-08-17T20:25:34.048Z TO *]',
  'created_at:[* TO 2026-08-17T20:25:34.048Z}',
  'created_at:[2026-08-17T20:25:34.049Z TO *]',
  'created_at:{2026-08-17 TO *]',
  'updated_at:[* TO *]',
  'NOT updated_at:[* TO *] AND blocked:true',
  'name:* AND NOT logins_count:7 OR blocked:true',
  'blocked:true OR logins_count:7 AND blocked:true',
  'NOT (blocked:true OR logins_count:7)',
  'logins_count:[8 TO *]',
])('does not find the user by %s', (q) => {
  expect(matches(q)).toBe(false);
});

it.each([
  ['app_metadata.plan:[a TO z]', "invalid query: operator 'less or equal' is not supported"],
  ['user_metadata.theme:{a TO *]', "invalid query: operator 'less or equal' is not supported"],
  ['user_metadata.theme:d*', 'invalid query: wildcards are not supported on user_metadata'],
  ['email:*om', 'invalid query: a wildcard in front needs at least 3 characters'],
  ['name:/some/', 'invalid query: regular expressions are not supported'],
  ['(name:x', 'invalid query: the query could not be parsed'],
  ['name:', 'invalid query: the query could not be parsed'],
  ['-name:x', 'invalid query: use NOT in place of a sign'],
  ['name:x~', 'invalid query: signs, boosts and fuzzy terms are not supported'],
  ['created_at:[yesterday TO *]', 'invalid query: failed to parse date field [yesterday]'],
])('rejects %s', (q, message) => {
  const attempt = (): unknown => matches(q);
  expect(attempt).toThrow(ApiError);
  expect(attempt).toThrow(
    expect.objectContaining({ status: 400, details: { errorCode: 'invalid_query_string' }, message }) as Error,
  );
});
