import type { StreamDescriptor } from './descriptor';
import { boolean, integer, object, recordSchema, text } from './json-schema';

const quota = object({ enforce: boolean, per_day: integer, per_hour: integer });

/** Fields of GET /organizations, which returns no timestamps. */
export const organizations: StreamDescriptor = {
  name: 'organizations',
  summary: 'Organizations of the tenant, with branding and metadata',
  path: 'organizations',
  reader: 'parent',
  primaryKey: [['id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations'],
  secretFields: [],
  probe: { path: 'organizations', query: { per_page: 1 }, list: 'organizations', key: 'id' },
  jsonSchema: recordSchema({
    id: text,
    name: text,
    display_name: text,
    branding: object({ logo_url: text, colors: object({ primary: text, page_background: text }) }),
    metadata: object(),
    token_quota: object({ client_credentials: quota }),
    third_party_client_access: text,
    is_app_entitlement_active: boolean,
  }),
};
