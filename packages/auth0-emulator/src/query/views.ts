import type { Json, JsonObject } from '../json';

/** The requested fields of a record. Without fields: all, whatever `include` is. */
export interface Projection {
  fields: readonly string[];
  include: boolean;
}

/** Reads `fields` (comma-separated) and `include_fields` of a parsed query. */
export function readProjection(query: { fields?: string; include_fields?: boolean }): Projection {
  const fields = (query.fields ?? '').split(',').map((field) => field.trim());
  return { fields: fields.filter((field) => field !== ''), include: query.include_fields ?? true };
}

export function projectRecord(record: JsonObject, { fields, include }: Projection): JsonObject {
  if (fields.length === 0) return record;
  return Object.fromEntries(Object.entries(record).filter(([key]) => fields.includes(key) === include));
}

/** The record without the named fields. */
export function omitFields(record: JsonObject, fields: readonly string[]): JsonObject {
  return projectRecord(record, { fields, include: false });
}

/** Client fields that require one of `clientSecretScopes`. */
const clientSecretFields = ['client_secret', 'signing_keys', 'encryption_key', 'client_authentication_methods'];
const clientSecretScopes = ['read:client_keys', 'read:client_credentials'];
/** Client fields of a token with only `read:client_summary`. */
const clientSummaryFields = ['client_id', 'app_type', 'name', 'description', 'tenant'];
const identitySecretFields = ['access_token', 'access_token_secret', 'refresh_token'];
const memberFields = ['user_id', 'picture', 'name', 'email'];

type ScopeSet = ReadonlySet<string>;

/** A client as a token with these scopes sees it. */
export function viewClient(client: JsonObject, scopes: ScopeSet): JsonObject {
  if (clientSecretScopes.some((scope) => scopes.has(scope))) return client;
  if (!scopes.has('read:clients')) return projectRecord(client, { fields: clientSummaryFields, include: true });
  return omitFields(client, clientSecretFields);
}

/** A user as a token with these scopes sees it. */
export function viewUser(user: JsonObject, scopes: ScopeSet): JsonObject {
  const { identities } = user;
  if (scopes.has('read:user_idp_tokens') || !Array.isArray(identities)) return user;
  return { ...user, identities: identities.map((identity) => omitIdentityTokens(identity)) };
}

function omitIdentityTokens(identity: Json): Json {
  return typeof identity === 'object' && identity !== null && !Array.isArray(identity)
    ? omitFields(identity, identitySecretFields)
    : identity;
}

/** A user in the list of members. */
export function viewMember(user: JsonObject): JsonObject {
  return projectRecord(user, { fields: memberFields, include: true });
}

/** A role in the list of one member's roles, whoever owns it. */
export function viewMemberRole(role: JsonObject): JsonObject {
  return projectRecord(role, { fields: ['id', 'name', 'description'], include: true });
}

/** An inline role of a member, without its description. */
export function viewInlineRole(role: JsonObject): JsonObject {
  return projectRecord(role, { fields: ['id', 'name'], include: true });
}
