import { type JsonObject, toText } from '../json';
import { encodeIndex, hash, toHex } from '../random';
import type { TenantScenario } from '../scenario';
import { generateClients, generateOrganizations, generateRoles } from './entities';
import { EntityCollection } from './entity-collection';
import { Memberships } from './memberships';
import type { TenantChange } from './tenant-change';
import { joinKey, type TruthStream } from './truth';
import { formatIso } from './user-record';
import { UserStore } from './user-store';

/** Thrown for a change to something that does not exist. */
export class NoSuchEntity extends Error {
  override readonly name = 'NoSuchEntity';
}

/** The current data of an emulated tenant. */
export class EmulatedTenant {
  readonly users: UserStore;
  readonly clients: EntityCollection;
  readonly organizations: EntityCollection;
  readonly roles: EntityCollection;
  readonly memberships: Memberships;
  private readonly seed: number;
  private createdCount = 0;
  private readonly listeners: ((stream: TruthStream, key: string) => void)[] = [];

  constructor(
    scenario: TenantScenario,
    private readonly now: () => number,
  ) {
    this.seed = scenario.seed ?? 1;
    this.users = new UserStore(scenario);
    this.clients = new EntityCollection(() => generateClients(scenario));
    this.organizations = new EntityCollection(() => generateOrganizations(scenario));
    this.roles = new EntityCollection(() => generateRoles(scenario));
    this.memberships = new Memberships(scenario, this.users, this.roles);
  }

  /** Calls the listener with the key of each record that is added. */
  onAppearance(listener: (stream: TruthStream, key: string) => void): void {
    this.listeners.push(listener);
  }

  /** Applies a change and returns the changed, or the deleted, entity. Throws NoSuchEntity. */
  apply(change: TenantChange): JsonObject {
    switch (change.type) {
      case 'createUser':
        return this.createUser(change.user);
      case 'updateUser':
        return this.updateUser(change.user_id, change.patch);
      case 'deleteUser':
        return this.deleteUser(change.user_id);
      case 'createOrganization':
        return this.createOrganization(change.organization);
      case 'updateOrganization':
        return this.updateRecord(this.organizations, change.id, change.patch);
      case 'deleteOrganization':
        return this.deleteOrganization(change.id);
      case 'addMember':
        return this.addMember(change.org_id, change.user_id, change.roles);
      case 'removeMember':
        return this.removeMember(change.org_id, change.user_id);
      case 'createClient':
        return this.createClient(change.client);
      case 'updateClient':
        return this.updateRecord(this.clients, change.client_id, change.patch);
      case 'deleteClient':
        return this.removeRecord(this.clients, change.client_id);
      case 'createRole':
        return this.insertRecord(this.roles, 'id', `rol_${this.generateId()}`, {
          name: `new-role-${this.createdCount}`,
          description: '',
          ...change.role,
        });
      case 'updateRole':
        return this.updateRecord(this.roles, change.id, change.patch);
      case 'deleteRole':
        return this.deleteRole(change.id, change.lingers);
    }
  }

  createUser(user: JsonObject = {}): JsonObject {
    const id = this.generateId();
    const at = formatIso(this.now());
    const record: JsonObject = {
      user_id: `auth0|new${id}`,
      email: `new.${id}@example.com`,
      email_verified: false,
      name: `New ${id}`,
      nickname: `new.${id}`,
      picture: 'https://cdn.example.com/avatars/new.png',
      identities: [
        { connection: 'Username-Password-Authentication', provider: 'auth0', user_id: `new${id}`, isSocial: false },
      ],
      created_at: at,
      updated_at: at,
      ...user,
    };
    const userId = toText(record['user_id']);
    if (!this.users.get(userId)) this.notifyAppearance('users', userId);
    this.users.write(userId, record);
    return record;
  }

  /** Sets `updated_at` to now unless the patch contains it. */
  updateUser(userId: string, patch: JsonObject = {}): JsonObject {
    const record = { ...this.requireUser(userId), updated_at: formatIso(this.now()), ...patch };
    this.users.write(userId, record);
    return record;
  }

  /** Also removes the user's memberships. */
  deleteUser(userId: string): JsonObject {
    const record = this.requireUser(userId);
    this.users.write(userId, undefined);
    this.memberships.removeEverywhere(userId);
    return record;
  }

  /** Throws NoSuchEntity for an organization, user or role that does not exist. */
  addMember(organizationId: string, userId: string, roles: string[] = []): JsonObject {
    this.requireOrganization(organizationId);
    this.requireUser(userId);
    for (const role of roles) this.requireRecord(this.roles.get(role), role);
    const former = this.memberships.find(organizationId, userId);
    if (!former) this.notifyAppearance('organization_members', joinKey(organizationId, userId));
    for (const role of roles) {
      if (former?.roles.includes(role)) continue;
      this.notifyAppearance('organization_member_roles', joinKey(organizationId, userId, role));
    }
    this.memberships.add(organizationId, userId, roles, this.now());
    return { org_id: organizationId, user_id: userId, roles };
  }

  removeMember(organizationId: string, userId: string): JsonObject {
    this.requireOrganization(organizationId);
    if (!this.memberships.remove(organizationId, userId)) throw new NoSuchEntity(`No member ${userId}`);
    return { org_id: organizationId, user_id: userId };
  }

  private createOrganization(organization?: JsonObject): JsonObject {
    const record = this.insertRecord(this.organizations, 'id', `org_${this.generateId()}`, {
      name: `new-organization-${this.createdCount}`,
      display_name: 'New organization',
      ...organization,
    });
    this.notifyAppearance('organizations', toText(record['id']));
    return record;
  }

  private deleteOrganization(id: string): JsonObject {
    const record = this.removeRecord(this.organizations, id);
    const owned = this.roles.rows.filter((role) => role.record['owner_id'] === id);
    for (const role of owned) this.roles.remove(role.id);
    return record;
  }

  private createClient(client?: JsonObject): JsonObject {
    const record = this.insertRecord(this.clients, 'client_id', this.generateId() + this.generateId(), {
      tenant: 'emulated-tenant',
      global: false,
      name: 'New application',
      ...client,
    });
    this.notifyAppearance('clients', toText(record['client_id']));
    return record;
  }

  private deleteRole(id: string, lingers = false): JsonObject {
    const record = this.removeRecord(this.roles, id);
    if (lingers) this.memberships.keepInlineRole(id, record);
    return record;
  }

  private notifyAppearance(stream: TruthStream, key: string): void {
    for (const listener of this.listeners) listener(stream, key);
  }

  private insertRecord(collection: EntityCollection, key: string, freshId: string, made: JsonObject): JsonObject {
    const record = { [key]: freshId, ...made };
    collection.insert(toText(record[key]), record, this.now());
    return record;
  }

  private updateRecord(collection: EntityCollection, id: string, patch: JsonObject): JsonObject {
    const record = { ...this.requireRecord(collection.get(id), id), ...patch };
    collection.replace(id, record);
    return record;
  }

  private removeRecord(collection: EntityCollection, id: string): JsonObject {
    const record = this.requireRecord(collection.get(id), id);
    collection.remove(id);
    return record;
  }

  private requireUser(userId: string): JsonObject {
    return this.requireRecord(this.users.get(userId), userId);
  }

  private requireOrganization(id: string): JsonObject {
    return this.requireRecord(this.organizations.get(id), id);
  }

  private requireRecord(record: JsonObject | undefined, id: string): JsonObject {
    if (!record) throw new NoSuchEntity(`The tenant has no ${id}`);
    return record;
  }

  /** Sixteen hexadecimal digits, unique. */
  private generateId(): string {
    this.createdCount += 1;
    return toHex(hash(this.seed, 50, this.createdCount)) + toHex(encodeIndex(this.seed + 1, this.createdCount));
  }
}
