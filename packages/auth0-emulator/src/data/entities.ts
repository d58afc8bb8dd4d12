import type { JsonObject } from '../json';
import { plantSecret } from '../planted-secrets';
import { createDraws, encodeIndex, hash, pick, toHex } from '../random';
import type { TenantScenario } from '../scenario';
import type { CollectionRow } from './entity-collection';
import { tenantEnd, tenantStart } from './population';

const companyNames = ['Harbour', 'Lantern', 'Orchard', 'Quarry', 'Saddle', 'Timber', 'Velvet', 'Willow'];
const companySuffixes = ['Works', 'Supply', 'Partners', 'Collective', 'Labs'];
const appTypes = ['spa', 'native', 'regular_web', 'non_interactive'];
const roleNames = ['admin', 'auditor', 'billing', 'editor', 'operator', 'viewer'];

/** An id in Auth0's format: a prefix and 16 letters or digits. */
function buildEntityId(prefix: string, seed: number, salt: number, index: number): string {
  return `${prefix}${toHex(hash(seed, salt, index))}${toHex(encodeIndex(seed, index))}`;
}

/** Spreads `count` creations over the tenant's lifetime, with distinct timestamps. */
function computeCreatedAt(count: number, index: number): number {
  return tenantStart + Math.floor((index * (tenantEnd - tenantStart)) / Math.max(count, 1));
}

function generateRows(count: number, id: (index: number) => string, record: (index: number) => JsonObject): CollectionRow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: id(index),
    at: computeCreatedAt(count, index),
    record: record(index),
  }));
}

export function generateClients({ seed = 1, clients }: TenantScenario): CollectionRow[] {
  const id = (index: number): string => buildEntityId('', seed, 10, index) + buildEntityId('', seed, 11, index);
  return generateRows(clients.count, id, (index) => {
    const draw = createDraws(seed, 12, index);
    const record: JsonObject = {
      client_id: id(index),
      tenant: 'emulated-tenant',
      name: `${pick(companyNames, draw())} app ${index + 1}`,
      description: index % 5 === 0 ? '' : `Application number ${index + 1}`,
      global: false,
      app_type: pick(appTypes, index),
      is_first_party: index % 7 !== 6,
      oidc_conformant: true,
      sso_disabled: false,
      cross_origin_authentication: false,
      callbacks: [`https://app-${index + 1}.example.com/callback`],
      allowed_logout_urls: [],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      jwt_configuration: { alg: 'RS256', lifetime_in_seconds: 36_000, secret_encoded: false },
      refresh_token: {
        rotation_type: 'non-rotating',
        expiration_type: 'non-expiring',
        leeway: 0,
        idle_token_lifetime: 1_296_000,
      },
      token_endpoint_auth_method: index % 3 === 0 ? 'none' : 'client_secret_post',
      custom_login_page_on: true,
      client_secret: plantSecret('client', seed, index),
      signing_keys: [
        {
          cert: `-----BEGIN CERTIFICATE-----\n${plantSecret('signing-cert', seed, index)}\n-----END CERTIFICATE-----\n`,
          pkcs7: plantSecret('signing-pkcs', seed, index),
          subject: '/CN=emulated-tenant.example.com',
        },
      ],
    };
    if (index % 4 === 1) record['client_metadata'] = { team: pick(companySuffixes, draw()), ticket: null };
    if (index % 4 === 2) {
      record['encryption_key'] = {
        pub: plantSecret('encryption-pub', seed, index),
        cert: plantSecret('encryption-cert', seed, index),
        subject: 'CN=example',
      };
      record['addons'] = { samlp: { audience: 'https://sp.example.com', mappings: { user_id: 'id' } } };
    }
    if (index % 4 === 3) {
      record['client_authentication_methods'] = {
        private_key_jwt: { credentials: [{ id: plantSecret('credential', seed, index) }] },
      };
    }
    return record;
  });
}

export function generateOrganizations({ seed = 1, organizations }: TenantScenario): CollectionRow[] {
  const id = (index: number): string => generateOrganizationId(seed, index);
  return generateRows(organizations.count, id, (index) => {
    const draw = createDraws(seed, 21, index);
    const title = `${pick(companyNames, draw())} ${pick(companySuffixes, draw())}`;
    const record: JsonObject = {
      id: id(index),
      name: `${title.toLowerCase().replace(' ', '-')}-${index + 1}`,
      display_name: index % 6 === 4 ? `${title} Zürich 東京 №${index + 1}` : title,
      third_party_client_access: 'block',
      is_app_entitlement_active: index % 2 === 0,
    };
    if (index % 3 === 0) {
      record['branding'] = {
        logo_url: 'https://cdn.example.com/logo.png',
        colors: { primary: '#0a84ff', page_background: '#ffffff' },
      };
    }
    if (index % 4 === 0) record['metadata'] = { region: pick(['eu', 'us', 'ap'], draw()), account: null };
    if (index % 5 === 0)
      record['token_quota'] = { client_credentials: { enforce: true, per_day: 1000, per_hour: 100 } };
    return record;
  });
}

export function generateOrganizationId(seed: number, index: number): string {
  return buildEntityId('org_', seed, 20, index);
}

export function computeOrganizationCreatedAt({ organizations }: TenantScenario, index: number): number {
  return computeCreatedAt(organizations.count, index);
}

/** The tenant's roles, followed by those that organizations own. */
export function generateRoles({ seed = 1, roles, organizations }: TenantScenario): CollectionRow[] {
  const { count, owned = { organizations: 0, each: 0 } } = roles;
  const id = (index: number): string => generateRoleId(seed, index);
  return generateRows(count + Math.min(owned.organizations, organizations.count) * owned.each, id, (index) =>
    index < count ? buildTenantRole(id(index), index) : buildOwnedRole(id(index), seed, index - count, owned.each),
  );
}

function buildTenantRole(id: string, index: number): JsonObject {
  return {
    id,
    name: index < roleNames.length ? pick(roleNames, index) : `${pick(roleNames, index)}-${index + 1}`,
    description: index % 6 === 5 ? '' : `May act as ${pick(roleNames, index)}`,
  };
}

/** @param nth index among the owned roles of all organizations */
function buildOwnedRole(id: string, seed: number, nth: number, each: number): JsonObject {
  const duty = pick(roleNames, nth % each);
  return {
    id,
    name: `own-${duty}-${nth + 1}`,
    description: nth % 5 === 4 ? '' : `May act as ${duty} here (${nth + 1})`,
    type: 'organization',
    owner_id: generateOrganizationId(seed, Math.floor(nth / each)),
  };
}

/** Ids of the roles that an organization owns initially. */
export function listOwnedRoleIds({ seed = 1, roles }: TenantScenario, organizationIndex: number): string[] {
  const { organizations, each } = roles.owned ?? { organizations: 0, each: 0 };
  if (organizationIndex >= organizations) return [];
  return Array.from({ length: each }, (_, nth) => generateRoleId(seed, roles.count + organizationIndex * each + nth));
}

export function generateRoleId(seed: number, index: number): string {
  return buildEntityId('rol_', seed, 30, index);
}
