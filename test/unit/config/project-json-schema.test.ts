import Ajv from 'ajv';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { projectSchema } from '../../../src/config/project-file';
import { createProjectSchema } from '../../../src/config/published-schemas';
import { findCodeBlocks, readPages } from '../../support/documentation';

const root = path.join(__dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const validate = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(createProjectSchema());

const valid = (value: unknown): boolean => validate(value);

test('the published schema equals the schema of the code', () => {
  expect(JSON.parse(read('schema/rollcall.schema.json'))).toEqual(createProjectSchema());
});

/** The project files in the documentation: whole ones, and settings of a connection. */
const examples = readPages()
  .flatMap((page) => findCodeBlocks(page, 'yaml'))
  .map(({ location, text }): [string, unknown] => {
    const value = parse(text) as object;
    return [location, 'connections' in value ? value : { connections: { acme: value } }];
  });

const files: [string, unknown][] = [...examples, ['deploy/rollcall.yaml', parse(read('deploy/rollcall.yaml'))]];

test.each(files)('schema and code accept the example at %s', (_, value) => {
  validate(value);
  expect(validate.errors).toBeNull();
  expect(projectSchema.safeParse(value).error).toBeUndefined();
});

const acme = { domain: 'acme.eu.auth0.com', destination: { files: './data' } };
const withAcme = (settings: object, rest: object = {}) => ({
  connections: { acme: { ...acme, ...settings } },
  ...rest,
});

test.each<[unknown]>([
  [{}],
  [{ connections: [] }],
  [{ connections: { 'Acme Inc': acme } }],
  [withAcme({ start_dat: '2024-01-01' })],
  [withAcme({ start_date: 2024 })],
  [withAcme({ credentials: { secret: 'x' } })],
  [withAcme({ lag_seconds: '60' })],
  [withAcme({ roles: { source: 'sometimes' } })],
  [withAcme({ rate_limit_reserve: 1 })],
  [withAcme({ streams: [] })],
  [withAcme({ streams: { users: { mode: 'sometimes' } } })],
  [withAcme({ destination: { postgres: { url: 'mysql://db' } } })],
  [withAcme({ schedule: { every: '1h', evry: '1h' } })],
  [withAcme({}, { defaults: { domain: 'x' } })],
  [withAcme({}, { defaults: { destination: { files: './data' } } })],
])('schema and code reject %j', (value) => {
  expect(valid(value)).toBe(false);
  expect(projectSchema.safeParse(value).success).toBe(false);
});

test('the schema lists the names of the streams', () => {
  expect(valid(withAcme({ streams: ['users', 'organization_members'] }))).toBe(true);
  expect(valid(withAcme({ streams: ['usres'] }))).toBe(false);
  expect(valid(withAcme({ streams: { usres: {} } }))).toBe(false);
});

type Schema = { description?: string; properties?: Record<string, Schema>; anyOf?: Schema[]; [key: string]: unknown };

function keysOf(schema: Schema, at: string): [string, Schema][] {
  const inside = Object.entries(schema.properties ?? {}).flatMap(([key, each]): [string, Schema][] => [
    [`${at}.${key}`, each],
    ...keysOf(each, `${at}.${key}`),
  ]);
  const parts = [...(schema.anyOf ?? []), schema['additionalProperties'], schema['items']].filter(
    (each): each is Schema => typeof each === 'object' && each !== null,
  );
  return [...inside, ...parts.flatMap((each) => keysOf(each, at))];
}

test('every key of the schema has a description', () => {
  const keys = keysOf(createProjectSchema(), '');
  expect(keys.length).toBeGreaterThan(50);
  expect(keys.filter(([, { description }]) => !description).map(([key]) => key)).toEqual([]);
});
