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
        return this.create(this.organizations, 'id', `org_${this.freshId()}`, {
          name: `new-organization-${this.created}`,
          display_name: 'New organization',
          ...change.organization,
        });
      case 'updateOrganization':
        return this.update(this.organizations, change.id, change.patch);
      case 'deleteOrganization':
        return this.remove(this.organizations, change.id);
      case 'addMember':
        return this.addMember(change.org_id, change.user_id, change.roles);
      case 'removeMember':
        return this.removeMember(change.org_id, change.user_id);
      case 'createClient':
        return this.create(this.clients, 'client_id', this.freshId() + this.freshId(), {
          tenant: 'emulated-tenant',
          global: false,
          name: 'New application',
          ...change.client,
        });
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
        return this.remove(this.roles, change.id);
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
    this.users.write(textOf(record['user_id']), record);
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
    return record;
  }

  addMember(organizationId: string, userId: string, roles: string[] = []): JsonObject {
    this.organizationOf(organizationId);
    this.userOf(userId);
    this.memberships.add(organizationId, userId, roles, this.now());
    return { org_id: organizationId, user_id: userId, roles };
  }

  removeMember(organizationId: string, userId: string): JsonObject {
    this.organizationOf(organizationId);
    if (!this.memberships.remove(organizationId, userId)) throw new NoSuchEntity(`No member ${userId}`);
    return { org_id: organizationId, user_id: userId };
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
