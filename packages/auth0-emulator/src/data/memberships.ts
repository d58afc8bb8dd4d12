import type { JsonObject } from '../json';
import { createDraws, decodeIndex, hash } from '../random';
import type { TenantScenario } from '../scenario';
import { computeOrganizationCreatedAt, generateOrganizationId, generateRoleId, listOwnedRoleIds } from './entities';
import type { EntityCollection, KeysetPosition } from './entity-collection';
import type { UserStore } from './user-store';

/** A user's membership in an organization. */
export interface Member extends KeysetPosition {
  /** The member's user id. */
  id: string;
  /** Ids of the roles assigned to the member in this organization. */
  roles: string[];
}

/**
 * The members of each organization, in the order in which they joined. A list is generated on first use. Deleted roles need
 * no update here, because ids are never reused.
 */
export class Memberships {
  private readonly lists = new Map<string, Member[]>();
  private readonly formerUsers = new Set<string>();
  private readonly deletedInlineRoles = new Map<string, JsonObject>();

  constructor(
    private readonly scenario: TenantScenario,
    private readonly users: UserStore,
    private readonly roles: EntityCollection,
  ) {}

  /** The current members. The organization must exist. */
  list(organizationId: string): readonly Member[] {
    return this.load(organizationId);
  }

  find(organizationId: string, userId: string): Member | undefined {
    return this.list(organizationId).find((member) => member.id === userId);
  }

  /** The member's roles with their descriptions. */
  resolveRoles(member: Member): JsonObject[] {
    return member.roles.map((id) => this.roles.get(id)).filter((role) => role !== undefined);
  }

  /** The member's roles in the list of members, including deleted roles that remain in it. */
  resolveInlineRoles(member: Member): JsonObject[] {
    return member.roles.map((id) => this.roles.get(id) ?? this.deletedInlineRoles.get(id)).filter((role) => role !== undefined);
  }

  /** Keeps a role in the list of members after its deletion. */
  keepInlineRole(id: string, role: JsonObject): void {
    this.deletedInlineRoles.set(id, role);
  }

  /** Adds a member, or replaces the roles of an existing member. */
  add(organizationId: string, userId: string, roles: string[], now: number): void {
    const list = this.load(organizationId);
    const known = list.find((member) => member.id === userId);
    if (known) known.roles = roles;
    else list.push({ id: userId, roles, at: Math.max(now, (list.at(-1)?.at ?? 0) + 1) });
  }

  /** Returns whether the user was a member. */
  remove(organizationId: string, userId: string): boolean {
    const list = this.load(organizationId);
    const rest = list.filter((member) => member.id !== userId);
    if (rest.length === list.length) return false;
    this.lists.set(organizationId, rest);
    return true;
  }

  /** Removes the user from all organizations. A new user with the same id has no memberships. */
  removeEverywhere(userId: string): void {
    this.formerUsers.add(userId);
    for (const organizationId of this.lists.keys()) this.remove(organizationId, userId);
  }

  private load(organizationId: string): Member[] {
    let list = this.lists.get(organizationId);
    if (!list) {
      const { seed = 1, organizations } = this.scenario;
      const index = decodeIndex(seed, Number.parseInt(organizationId.slice(-8), 16));
      const generated = index < organizations.count && generateOrganizationId(seed, index) === organizationId;
      const all = generated ? generateMembers(this.scenario, index, (user) => this.users.generateId(user)) : [];
      list = this.formerUsers.size === 0 ? all : all.filter(({ id }) => !this.formerUsers.has(id));
      this.lists.set(organizationId, list);
    }
    return list;
  }
}

function countMembers({ seed = 1, organizations, users }: TenantScenario, index: number): number {
  const { members = 20, firstMemberCounts = [] } = organizations;
  const requested = firstMemberCounts[index] ?? (typeof members === 'number' ? members : drawBetween(seed, index, members));
  return Math.min(requested, users.count);
}

function drawBetween(seed: number, index: number, { min, max }: { min: number; max: number }): number {
  return min + (hash(seed, 40, index) % (max - min + 1));
}

/** The users are distinct, because the stride and the number of users are coprime. Each timestamp is shared by two members. */
function generateMembers(scenario: TenantScenario, index: number, generateUserId: (index: number) => string): Member[] {
  const { seed = 1, users, roles } = scenario;
  const { perMember = 3 } = roles;
  const owned = listOwnedRoleIds(scenario, index);
  const start = hash(seed, 41, index) % Math.max(1, users.count);
  const stride = chooseStride(users.count, hash(seed, 42, index));
  const founded = computeOrganizationCreatedAt(scenario, index);
  const members = Array.from({ length: countMembers(scenario, index) }, (_, nth): Member => {
    const tenantRoles = drawDistinct(roles.count, perMember, createDraws(hash(seed, 43, index), 44, nth));
    const ownedRoles = drawDistinct(owned.length, perMember, createDraws(hash(seed, 45, index), 46, nth));
    return {
      id: generateUserId((start + nth * stride) % users.count),
      at: founded + (1 + Math.floor(nth / 2)) * 1_000,
      roles: [...tenantRoles.map((role) => generateRoleId(seed, role)), ...ownedRoles.map((role) => owned[role] as string)],
    };
  });
  return members.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
}

/** Draws 0 to `max` distinct numbers below `count`. */
function drawDistinct(count: number, max: number, draw: () => number): number[] {
  const draws = count === 0 ? 0 : draw() % (max + 1);
  return [...new Set(Array.from({ length: draws }, () => draw() % count))];
}

function chooseStride(count: number, drawn: number): number {
  let stride = 1 + (drawn % Math.max(1, count - 1));
  while (findGreatestCommonDivisor(stride, count) > 1) stride += 1;
  return stride;
}

function findGreatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : findGreatestCommonDivisor(other, one % other);
}
