import Ajv from 'ajv';
import { formatSpecLine } from '../../../src/airbyte/messages';
import { createConnectorSpecification } from '../../../src/config/published-schemas';
import { parseSourceConfig } from '../../../src/config/source';
import { parseMessage } from '../airbyte/protocol/validator';

type Schema = Record<string, unknown>;
const { connectionSpecification, documentationUrl } = createConnectorSpecification();
const annotations = ['airbyte_secret', 'group', 'groups', 'multiline', 'order', 'pattern_descriptor'];
const validate = new Ajv({ strict: true, strictRequired: false, keywords: annotations }).compile(
  connectionSpecification,
);

/** The schema and the schemas inside it, with their paths. */
function schemasIn(schema: Schema, path = ''): [string, Schema][] {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const options = Object.entries((schema.oneOf ?? []) as Schema[]);
  return [
    [path, schema],
    ...properties.flatMap(([name, each]) => schemasIn(each, `${path}.${name}`)),
    ...options.flatMap(([index, each]) => schemasIn(each, `${path}[${index}]`)),
  ];
}
const schemas = schemasIn(connectionSpecification);

test('is a message of the protocol with a link to the documentation', () => {
  expect(parseMessage(formatSpecLine(createConnectorSpecification())).type).toBe('SPEC');
  expect(new URL(documentationUrl).protocol).toBe('https:');
  expect(connectionSpecification.$schema).toBe('http://json-schema.org/draft-07/schema#');
});

test.each(schemas)('uses only JSON schema keywords that Airbyte supports at %s', (_, schema) => {
  const forbidden = [
    'anyOf',
    'allOf',
    'not',
    'if',
    'then',
    'else',
    'patternProperties',
    'dependencies',
    '$ref',
    'definitions',
  ];
  expect(Object.keys(schema).filter((keyword) => forbidden.includes(keyword))).toEqual([]);
  expect(typeof schema.type).toBe('string');
  if (schema.additionalProperties !== undefined) expect(schema.additionalProperties).toBe(true);
  if (schema.type === 'object') expect(schema.properties ?? schema.oneOf).toBeTruthy();
});

test('gives every property an order, and a title unless it is a constant', () => {
  for (const [, schema] of schemas) {
    const properties = Object.values((schema.properties ?? {}) as Record<string, Schema>);
    const orders = properties.map(({ order }) => order);
    expect(orders).toEqual(properties.map((_, index) => index));
    expect(properties.filter((property) => !('const' in property) && !property.title)).toEqual([]);
    expect(properties.filter(({ pattern, pattern_descriptor }) => pattern && !pattern_descriptor)).toEqual([]);
  }
});

test('puts every setting into a group of the form, and leaves no group empty', () => {
  const groups = (connectionSpecification.groups as { id: string }[]).map(({ id }) => id);
  const used = Object.values(connectionSpecification.properties as Record<string, Schema>).map(({ group }) => group);
  expect([...new Set(used)]).toEqual(groups);
});

test('distinguishes the authentication methods by one constant', () => {
  const { type, oneOf } = (connectionSpecification.properties as Record<string, Schema>).credentials as {
    type: string;
    oneOf: { type: string; title: string; properties: { auth_type: Schema }; required: string[] }[];
  };
  expect(type).toBe('object');
  expect(oneOf.map((option) => option.properties.auth_type)).toEqual([
    { type: 'string', const: 'oauth2_confidential_application', order: 0 },
    { type: 'string', const: 'private_key_jwt', order: 0 },
    { type: 'string', const: 'oauth2_access_token', order: 0 },
  ]);
  for (const option of oneOf) {
    expect([option.type, option.required.includes('auth_type')]).toEqual(['object', true]);
  }
});

test('marks exactly the secrets', () => {
  expect(schemas.filter(([, schema]) => schema.airbyte_secret).map(([path]) => path)).toEqual([
    '.credentials[0].client_secret',
    '.credentials[1].private_key',
    '.credentials[2].access_token',
  ]);
});

test('shows the defaults and the limits of the read options', () => {
  const properties = connectionSpecification.properties as Record<string, Schema>;
  expect(Object.keys(properties)).toEqual([
    'domain',
    'base_url',
    'credentials',
    'start_date',
    'lookback_seconds',
    'lag_seconds',
    'roles',
    'rate_limit_reserve',
    'max_concurrency',
  ]);
  expect(properties.rate_limit_reserve).toMatchObject({ type: 'number', minimum: 0, maximum: 0.9, default: 0.1 });
  expect(properties.max_concurrency).toMatchObject({ type: 'integer', minimum: 1, maximum: 100 });
  const limits = { type: 'integer', minimum: 0, maximum: 31536000 };
  expect(properties.lookback_seconds).toMatchObject({ ...limits, default: 180 });
  expect(properties.lag_seconds).toMatchObject({ ...limits, default: 0 });
  const { required, properties: rolesProperties } = properties.roles as { required?: string[]; properties: Schema };
  expect(required).toBeUndefined();
  expect(rolesProperties.source).toMatchObject({ type: 'string', enum: ['inline', 'per_member'], default: 'inline' });
  expect(connectionSpecification.required).toEqual(['credentials']);
});

const token = { auth_type: 'oauth2_access_token', access_token: 'made-up-token' };
const machine = { auth_type: 'oauth2_confidential_application', client_id: 'id', client_secret: 'made-up-secret' };

test.each([
  {
    base_url: 'https://acme.eu.auth0.com/',
    credentials: { ...machine, audience: 'https://acme.eu.auth0.com/api/v2/' },
  },
  { base_url: 'https://acme.eu.auth0.com', credentials: token, start_date: '2023-08-05T00:43:59.244Z' },
  { base_url: 'http://127.0.0.1:4010/', credentials: token, start_date: '2013-01-01T00:00:00.000Z' },
  { domain: 'acme.eu.auth0.com', credentials: machine, start_date: '2024-01-31' },
  { domain: 'acme.eu.auth0.com', credentials: token, start_date: '2024-01-31T08:30:00+02:00', _limit: 3 },
  { domain: 'acme.eu.auth0.com', credentials: token, lookback_seconds: 0, lag_seconds: 31536000, roles: {} },
  { domain: 'acme.eu.auth0.com', credentials: token, roles: { source: 'per_member', _note: 1 } },
  { domain: 'acme.eu.auth0.com', credentials: token, rate_limit_reserve: 0.5, max_concurrency: 4 },
])('specification and parser accept %j', (config) => {
  expect(validate(config)).toBe(true);
  expect(() => parseSourceConfig(config)).not.toThrow();
});

test.each([
  {},
  { domain: 'https://acme.eu.auth0.com', credentials: token },
  { base_url: 'acme.eu.auth0.com', credentials: token },
  { domain: 'acme.eu.auth0.com', credentials: token, start_date: 'yesterday' },
  { domain: 'acme.eu.auth0.com', credentials: { ...token, auth_type: 'oauth2_confidential_application' } },
  { domain: 'acme.eu.auth0.com', credentials: token, lookback_seconds: -1 },
  { domain: 'acme.eu.auth0.com', credentials: token, lookback_seconds: '180' },
  { domain: 'acme.eu.auth0.com', credentials: token, lag_seconds: 0.5 },
  { domain: 'acme.eu.auth0.com', credentials: token, lag_seconds: 31536001 },
  { domain: 'acme.eu.auth0.com', credentials: token, roles: 'per_member' },
  { domain: 'acme.eu.auth0.com', credentials: token, roles: { source: 'both' } },
  { domain: 'acme.eu.auth0.com', credentials: token, rate_limit_reserve: 1 },
  { domain: 'acme.eu.auth0.com', credentials: token, max_concurrency: 0 },
])('specification and parser reject %j', (config) => {
  expect(validate(config)).toBe(false);
  expect(() => parseSourceConfig(config)).toThrow();
});
