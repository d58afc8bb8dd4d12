import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { type Emulator, readerScopes, startEmulator, truthReaders, truthStreams } from 'auth0-emulator';
import { type Auth0Client, createAuth0Client } from '../../../src/auth0/client';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import { createClientTokenSource } from '../../../src/auth0/token';
import type { JsonObject } from '../../../src/json';
import { createListReader, createParentsReader, createSideIndexReader } from '../../../src/streams/list-readers';
import { defaultReadOptions, sideIndexName } from '../../../src/streams/fetch-task';
import { getStream, streams } from '../../../src/streams/registry';
import { createSearchReader } from '../../../src/streams/search-reader';
import type { ChildReaderOptions, Reader } from '../../../src/streams/stream-reader';
import { nothingKnown } from '../../support/page';

/** Top-level fields in the schemas of Airbyte's own connector, which its users expect. */
const airbyteFields: Record<string, string> = {
  clients:
    'client_id tenant owners is_token_endpoint_ip_header_trusted cross_origin_auth callback_url_template name description global client_secret app_type logo_uri is_first_party oidc_conformant callbacks allowed_origins web_origins client_aliases allowed_clients allowed_logout_urls oidc_backchannel_logout grant_types jwt_configuration signing_keys encryption_key sso sso_disabled cross_origin_authentication cross_origin_loc custom_login_page_on custom_login_page custom_login_page_preview form_template addons token_endpoint_auth_method client_metadata mobile initiate_login_uri native_social_login refresh_token organization_usage organization_require_behavior client_authentication_methods',
  users:
    '_links user_id username email email_verified phone_number phone_verified created_at updated_at identities app_metadata user_metadata picture name nickname multifactor last_ip last_login logins_count blocked given_name family_name',
  organizations: 'id name display_name branding metadata',
  organization_members: 'org_id user_id picture name email',
  organization_member_roles: 'org_id user_id id name description',
};

const propertiesOf = (stream: string): JsonObject => getStream(stream).jsonSchema['properties'] as JsonObject;

it("has every stream of Airbyte's own connector", () => {
  expect(streams.map(({ name }) => name).sort()).toEqual(Object.keys(airbyteFields).sort());
});

it('rejects an unknown stream', () => {
  expect(() => getStream('connections')).toThrow('no stream is named connections');
});

describe.each(streams.map((stream) => [stream.name, stream] as const))('%s', (name, stream) => {
  it("declares every field of Airbyte's own connector except the secret ones", () => {
    const missing = airbyteFields[name]!.split(' ').filter((field) => !(field in propertiesOf(name)));
    expect(missing.filter((field) => !stream.secretFields.includes(field))).toEqual([]);
  });

  it('declares no secret field', () => {
    const declared = stream.secretFields.filter((path) => {
      let schema: JsonObject | undefined = stream.jsonSchema;
      for (const field of path.split('.')) {
        schema = (schema?.['properties'] as JsonObject | undefined)?.[field.replace('[]', '')] as
          JsonObject | undefined;
        if (field.endsWith('[]')) schema = schema?.['items'] as JsonObject | undefined;
      }
      return schema !== undefined;
    });
    expect(declared).toEqual([]);
  });

  it('declares the fields of its key and its cursor', () => {
    const fields = [...stream.primaryKey.flat(), ...(stream.cursorField ? [stream.cursorField] : [])];
    expect(Object.keys(propertiesOf(name))).toEqual(expect.arrayContaining(fields));
  });

  it('supports incremental reads only with a cursor field', () => {
    expect(stream.syncModes.includes('incremental')).toBe(stream.cursorField !== undefined);
    expect(stream.orderBy?.cursor).toBe(stream.cursorField);
    expect(stream.reader === 'search').toBe(stream.orderBy !== undefined);
  });

  it('allows null in every field, and unknown fields', () => {
    const types = Object.values(propertiesOf(name)).map((property) => (property as JsonObject)['type']);
    for (const type of types) expect(type).toContain('null');
    expect(stream.jsonSchema['additionalProperties']).toBe(true);
  });

  it('has a parent stream or a probe', () => {
    expect(stream.parent ? getStream(stream.parent).name : stream.probe?.path).toBe(stream.parent ?? stream.path);
  });
});

describe('on an emulated tenant', () => {
  let tenant: Emulator;
  let client: Auth0Client;

  beforeAll(async () => {
    tenant = await startEmulator({ scenario: 'small' });
    client = clientWith();
  });
  afterAll(async () => {
    client.close();
    await tenant.close();
  });

  function clientWith(): Auth0Client {
    const { url: baseUrl, clientId, clientSecret } = tenant;
    const tokenSource = createClientTokenSource({ baseUrl, clientId, credential: { clientSecret } });
    return createAuth0Client({ baseUrl, tokenSource, pacer: new Pacer(), retries: 0 });
  }

  async function read<Cursor>(reader: Reader<Cursor>): Promise<Record<string, JsonObject[]>> {
    const outputs: Record<string, JsonObject[]> = {};
    let cursor = reader.start();
    for (let request = reader.next(cursor); request; request = reader.next(cursor)) {
      const step = reader.advance(cursor, await client.getPage(request), nothingKnown);
      for (const { stream, data } of step.outputs) (outputs[stream] ??= []).push(data);
      cursor = step.cursor;
    }
    return outputs;
  }

  it.each(streams.filter(({ probe }) => probe).map((stream) => [stream.name, stream] as const))(
    'the probe of %s returns one row with the key',
    async (_name, { probe }) => {
      const { rows } = await client.getPage(probe!);
      expect(rows).toHaveLength(1);
    },
  );

  it.each(streams.map((stream) => [stream.name, stream] as const))(
    'a token that lacks one of the scopes of %s is rejected',
    async (name, { scopes, reader: reach }) => {
      for (const scope of scopes) {
        tenant.updateSettings({ scopes: readerScopes.filter((each) => each !== scope) });
        const poor = clientWith();
        const organization = tenant.tenant.organizations.rows[0]!.id;
        const ask = async (reader: Reader<never>): Promise<unknown> => poor.getPage(reader.next(reader.start())!);
        const readers: Reader<never>[] =
          reach === 'children'
            ? [
                createParentsReader(getStream('organizations'), true) as Reader<never>,
                readerOfMembers({ streams: [name], parents: [organization], sideIndex: undefined }),
              ]
            : [readerOfStream(name)];
        const asked = (async () => {
          for (const reader of readers) await ask(reader);
        })();
        await expect(asked).rejects.toMatchObject({ name: 'MissingScope', scopes: expect.arrayContaining([scope]) });
        poor.close();
      }
      tenant.updateSettings({ scopes: readerScopes });
    },
  );

  function readerOfMembers(options: Omit<ChildReaderOptions, 'readOptions'>): Reader<never> {
    const { createReader } = getStream('organization_members').child!;
    return createReader!({ ...options, readOptions: defaultReadOptions }) as Reader<never>;
  }

  function readerOfStream(name: string): Reader<never> {
    if (name === 'users')
      return createSearchReader({ kind: 'search', stream: name, key: 'created_at', missing: true }) as Reader<never>;
    return createListReader(getStream(name)) as Reader<never>;
  }

  it('every list returns all keys once and matches its schema', async () => {
    const roles = await read(createSideIndexReader(getStream('organization_member_roles').child!.sideIndex!));
    const sideIndex = roles[sideIndexName] ?? [];
    const ids = tenant.tenant.organizations.rows.map(({ id }) => id);
    const members = ['organization_members', 'organization_member_roles'];
    const outputs = {
      ...(await read(createListReader(getStream('clients')))),
      ...(await read(readerOfStream('users'))),
      ...(await read(createParentsReader(getStream('organizations'), true))),
      ...(await read(readerOfMembers({ streams: members, parents: ids, sideIndex }))),
    };
    const ajv = new Ajv({ strict: false });
    addFormats(ajv);
    for (const name of truthStreams) {
      const records = outputs[name] ?? [];
      const keys = records.map((record) =>
        getStream(name)
          .primaryKey.map(([field]) => record[field!])
          .join(','),
      );
      expect(keys.sort()).toEqual([...truthReaders[name](tenant.tenant)].map(({ key }) => key).sort());
      const check = ajv.compile(getStream(name).jsonSchema);
      for (const record of records) expect(check(record) || check.errors).toBe(true);
    }
  });
});
