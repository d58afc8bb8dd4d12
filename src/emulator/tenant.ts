import type { JsonObject } from '../json';
import type { Change } from './change';
import { Collection } from './collection';
import { generateClients, generateOrganizations, generateRoles } from './entities';
import { Memberships } from './memberships';
import { codeOfIndex, hash, toHex } from './random';
import type { Scenario } from './scenario';
import { isoOf } from './user-record';
import { UserStore } from './user-store';
import { textOf } from './text';
import { keyOf, type TruthStream } from './truth';

/** Thrown for a change to something that does not exist. */
export class NoSuchEntity extends Error {
  override readonly name = 'NoSuchEntity';
}

/** The data of an emulated tenant, as it stands now. */
export class Tenant {
  readonly users: UserStore;
  readonly clients: Collection;
  readonly organizations: Collection;
  readonly roles: Collection;
  readonly memberships: Memberships;
  private readonly seed: number;
  private created = 0;
  private readonly listeners: ((stream: TruthStream, key: string) => void)[] = [];

  constructor(
    scenario: Scenario,
    private readonly now: () => number,
  ) {
    this.seed = scenario.seed ?? 1;
    this.users = new UserStore(scenario);
    this.clients = new Collection(() => generateClients(scenario));
    this.organizations = new Collection(() => generateOrganizations(scenario));
    this.roles = new Collection(() => generateRoles(scenario));
    this.memberships = new Memberships(scenario, this.users, this.roles);
  }

  /** The listener hears the key of each record that the tenant holds from now on and did not hold the moment before. */
  onAppearance(listener: (stream: TruthStream, key: string) => void): void {
    this.listeners.push(listener);
  }

  /** Carries a change out at once and returns the entity as it then is (as it was, when deleted). Throws NoSuchEntity. */
  apply(change: Change): JsonObject {
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
        return this.update(this.organizations, change.id, change.patch);
      case 'deleteOrganization':
        return this.deleteOrganization(change.id);
      case 'addMember':
        return this.addMember(change.org_id, change.user_id, change.roles);
      case 'removeMember':
        return this.removeMember(change.org_id, change.user_id);
      case 'createClient':
        return this.createClient(change.client);
      case 'updateClient':
        return this.update(this.clients, change.client_id, change.patch);
      case 'deleteClient':
        return this.remove(this.clients, change.client_id);
      case 'createRole':
        return this.create(this.roles, 'id', `rol_${this.freshId()}`, {
          name: `new-role-${this.created}`,
          description: '',
          ...change.role,
        });
      case 'updateRole':
        return this.update(this.roles, change.id, change.patch);
      case 'deleteRole':
        return this.deleteRole(change.id, change.lingers);
    }
  }

  createUser(user: JsonObject = {}): JsonObject {
    const id = this.freshId();
    const at = isoOf(this.now());
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
    const userId = textOf(record['user_id']);
    if (!this.users.get(userId)) this.appear('users', userId);
    this.users.write(userId, record);
    return record;
  }

  /** Sets `updated_at` to now unless the patch says otherwise. */
  updateUser(userId: string, patch: JsonObject = {}): JsonObject {
    const record = { ...this.userOf(userId), updated_at: isoOf(this.now()), ...patch };
    this.users.write(userId, record);
    return record;
  }

  /** Ends the user's memberships as well. */
  deleteUser(userId: string): JsonObject {
    const record = this.userOf(userId);
    this.users.write(userId, undefined);
    this.memberships.removeEverywhere(userId);
    return record;
  }

  /** Throws NoSuchEntity for an organization, user or role that does not exist. */
  addMember(organizationId: string, userId: string, roles: string[] = []): JsonObject {
    this.organizationOf(organizationId);
    this.userOf(userId);
    for (const role of roles) this.found(this.roles.get(role), role);
    const former = this.memberships.find(organizationId, userId);
    if (!former) this.appear('organization_members', keyOf(organizationId, userId));
    for (const role of roles) {
      if (former?.roles.includes(role)) continue;
      this.appear('organization_member_roles', keyOf(organizationId, userId, role));
    }
    this.memberships.add(organizationId, userId, roles, this.now());
    return { org_id: organizationId, user_id: userId, roles };
  }

  removeMember(organizationId: string, userId: string): JsonObject {
    this.organizationOf(organizationId);
    if (!this.memberships.remove(organizationId, userId)) throw new NoSuchEntity(`No member ${userId}`);
    return { org_id: organizationId, user_id: userId };
  }

  private createOrganization(organization?: JsonObject): JsonObject {
    const record = this.create(this.organizations, 'id', `org_${this.freshId()}`, {
      name: `new-organization-${this.created}`,
      display_name: 'New organization',
      ...organization,
    });
    this.appear('organizations', textOf(record['id']));
    return record;
  }

  private deleteOrganization(id: string): JsonObject {
    const record = this.remove(this.organizations, id);
    const owned = this.roles.rows.filter((role) => role.record['owner_id'] === id);
    for (const role of owned) this.roles.remove(role.id);
    return record;
  }

  private createClient(client?: JsonObject): JsonObject {
    const record = this.create(this.clients, 'client_id', this.freshId() + this.freshId(), {
      tenant: 'emulated-tenant',
      global: false,
      name: 'New application',
      ...client,
    });
    this.appear('clients', textOf(record['client_id']));
    return record;
  }

  private deleteRole(id: string, lingers = false): JsonObject {
    const record = this.remove(this.roles, id);
    if (lingers) this.memberships.letLinger(id, record);
    return record;
  }

  private appear(stream: TruthStream, key: string): void {
    for (const listener of this.listeners) listener(stream, key);
  }

  private create(collection: Collection, key: string, freshId: string, made: JsonObject): JsonObject {
    const record = { [key]: freshId, ...made };
    collection.insert(textOf(record[key]), record, this.now());
    return record;
  }

  private update(collection: Collection, id: string, patch: JsonObject): JsonObject {
    const record = { ...this.found(collection.get(id), id), ...patch };
    collection.replace(id, record);
    return record;
  }

  private remove(collection: Collection, id: string): JsonObject {
    const record = this.found(collection.get(id), id);
    collection.remove(id);
    return record;
  }

  private userOf(userId: string): JsonObject {
    return this.found(this.users.get(userId), userId);
  }

  private organizationOf(id: string): JsonObject {
    return this.found(this.organizations.get(id), id);
  }

  private found(record: JsonObject | undefined, id: string): JsonObject {
    if (!record) throw new NoSuchEntity(`The tenant has no ${id}`);
    return record;
  }

  /** Sixteen hexadecimal digits, never the same twice. */
  private freshId(): string {
    this.created += 1;
    return toHex(hash(this.seed, 50, this.created)) + toHex(codeOfIndex(this.seed + 1, this.created));
  }
}
