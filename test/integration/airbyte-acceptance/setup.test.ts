/** Airbyte's checks of `spec`, `check` and `discover`. */
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import type { Emulator } from 'auth0-emulator';
import type { AirbyteStream, ConnectorSpecification } from '../../../src/airbyte/messages';
import type { JsonObject } from '../../../src/json';
import { configOf } from '../../support/compare-copy';
import { getOnly, runSource, startSubject, type Subject } from './subject';
import { scratchFolder } from '../../support/scratch';

type Schema = Record<string, unknown>;

const folder = scratchFolder();
let subject: Subject;
let tenant: Emulator;
let catalog: AirbyteStream[];

beforeAll(async () => {
  subject = await startSubject(folder);
  ({ tenant, catalog } = subject);
});
afterAll(() => subject.close());

describe('spec', () => {
  let spec: ConnectorSpecification;
  let schemas: Schema[];

  /** A schema and all schemas within it. */
  function schemasIn(schema: Schema): Schema[] {
    const inner = [
      ...Object.values((schema['properties'] ?? {}) as Record<string, Schema>),
      ...((schema['oneOf'] ?? []) as Schema[]),
      ...(schema['items'] ? [schema['items'] as Schema] : []),
    ];
    return [schema, ...inner.flatMap(schemasIn)];
  }

  beforeAll(async () => {
    const answer = await runSource(['spec']);
    expect(answer.code).toBe(0);
    spec = getOnly(answer, 'SPEC', 'spec') as ConnectorSpecification;
    schemas = schemasIn(spec.connectionSpecification);
  });

  it('is a draft-07 schema that accepts a valid configuration', () => {
    const ajv = addFormats(new Ajv({ strict: false }));
    expect(ajv.validateSchema(spec.connectionSpecification)).toBe(true);
    expect(ajv.validate(spec.connectionSpecification, configOf(tenant))).toBe(true);
    expect(spec.connectionSpecification['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  });

  it('uses only keywords that Airbyte supports, and no list of types or empty object', () => {
    const unknown = ['$ref', '$defs', 'definitions', 'allOf', 'anyOf', 'not', 'if', 'then', 'else'];
    unknown.push('patternProperties', 'dependencies', 'dependentRequired', 'prefixItems', 'const', 'enum');
    for (const schema of schemas) {
      const allowed = schema['type'] === 'string' ? ['const', 'enum'] : [];
      expect(Object.keys(schema).filter((word) => unknown.includes(word) && !allowed.includes(word))).toEqual([]);
      expect(typeof schema['type']).toBe('string');
      if (schema['type'] !== 'object') continue;
      expect(Object.keys(schema['properties'] ?? schema['oneOf'] ?? {})).not.toEqual([]);
    }
  });

  it('allows additional properties everywhere', () => {
    const closed = schemas.filter(
      (schema) => 'additionalProperties' in schema && schema['additionalProperties'] !== true,
    );
    expect(closed).toEqual([]);
    expect(spec.connectionSpecification['additionalProperties']).toBe(true);
  });

  it('distinguishes the options of a choice by one required constant', () => {
    const choices = schemas.filter((schema) => 'oneOf' in schema);
    expect(choices).toHaveLength(1);
    for (const { type, oneOf } of choices) {
      const options = oneOf as { type: string; required: string[]; properties: Record<string, Schema> }[];
      expect(type).toBe('object');
      expect(options.map((option) => option.type)).toEqual(options.map(() => 'object'));
      const constants = options.map(({ properties }) =>
        Object.keys(properties).filter((name) => 'const' in (properties[name] ?? {})),
      );
      const [[name = ''] = []] = constants;
      expect(constants).toEqual(options.map(() => [name]));
      for (const { properties, required } of options) {
        expect(required).toContain(name);
        expect(properties[name]).toMatchObject({ type: 'string', const: expect.any(String) });
        const { const: constant, default: chosen = constant, enum: among = [constant] } = properties[name] ?? {};
        expect({ chosen, among }).toEqual({ chosen: constant, among: [constant] });
      }
      expect(new Set(options.map(({ properties }) => properties[name]?.['const'])).size).toBe(options.length);
    }
  });

  it('marks every property with a secret name as secret', () => {
    const secret = /secret|token$|password|api_?key|private_?key|credentials?_json/;
    const properties = schemas.flatMap(({ properties }) =>
      Object.entries((properties ?? {}) as Record<string, Schema>),
    );
    const secrets = properties.filter(([name, { type }]) => type === 'string' && secret.test(name));
    expect(secrets.map(([name]) => name).sort()).toEqual(['access_token', 'client_secret', 'private_key']);
    for (const [, schema] of secrets) expect(schema['airbyte_secret']).toBe(true);
  });
});

describe('check', () => {
  it('reports once that a valid configuration works', async () => {
    const answer = await runSource(['check', '--config', subject.config]);
    expect(answer.code).toBe(0);
    expect(getOnly(answer, 'CONNECTION_STATUS', 'connectionStatus')).toEqual({ status: 'SUCCEEDED' });
  });

  it.each<[string, JsonObject]>([
    ['the tenant rejects', { client_secret: 'not-the-secret' }],
    ['lacks a key', { client_secret: null }],
  ])('reports once why a configuration that %s does not work', async (_, credentials) => {
    const good = configOf(tenant);
    const bad = { ...good, credentials: { ...(good['credentials'] as JsonObject), ...credentials } };
    const answer = await runSource(['check', '--config', subject.write(bad)]);
    expect(answer.code).toBe(0);
    expect(getOnly(answer, 'CONNECTION_STATUS', 'connectionStatus')).toEqual({
      status: 'FAILED',
      message: expect.stringContaining('secret'),
    });
  });
});

describe('discover', () => {
  it('lists each stream once, with incremental sync if it has a cursor', () => {
    expect(catalog.length).toBeGreaterThan(0);
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
    for (const { supported_sync_modes: modes, default_cursor_field: cursor, source_defined_cursor: own } of catalog) {
      expect(modes).toContain('full_refresh');
      expect({ incremental: modes.includes('incremental'), own }).toEqual({
        incremental: cursor !== undefined,
        own: true,
      });
    }
  });

  it('declares the fields of every key and cursor, and each field by one name', () => {
    for (const { json_schema, source_defined_primary_key: keys, default_cursor_field: cursor = [] } of catalog) {
      const fields = Object.keys(json_schema['properties'] as object);
      expect(keys.length).toBeGreaterThan(0);
      expect(fields).toEqual(expect.arrayContaining([...keys.flat(), ...cursor]));
      expect(new Set(fields.map((field) => field.toLowerCase())).size).toBe(fields.length);
    }
  });

  it('has schemas without references, combinations and closed objects', () => {
    const ajv = addFormats(new Ajv({ strict: false }));
    for (const { json_schema } of catalog) {
      expect(ajv.validateSchema(json_schema)).toBe(true);
      expect(JSON.stringify(json_schema)).not.toMatch(/"(\$ref|allOf|not)":|"additionalProperties":false/);
    }
  });
});
