import fc from 'fast-check';
import {
  type Emulator,
  type EmulatorOptions,
  type ScriptedChange,
  startEmulator,
  tenantStart,
  type TenantChange,
  type TenantScenario,
  type UserPopulation,
} from 'auth0-emulator';

/** A change of the tenant when a request arrives. Indexes are taken modulo the number of objects. */
export interface PlannedChange {
  /** Number of the request. */
  at: number;
  type: TenantChange['type'];
  /** Index of the (first) user, organization, client or role. */
  nth: number;
  /** Number of consecutive objects. Default 1. */
  many?: number;
  /** Index of the organization, for changes of its members. */
  org?: number;
}

/** A tenant and its changes during a read. */
export interface GeneratedTenant {
  scenario: TenantScenario;
  settings: Pick<EmulatorOptions, 'pageCap' | 'trailingMembersPage' | 'nextOnFullPage' | 'shuffleTies' | 'emptyRoles'>;
  searchLagMs: number;
  changes: PlannedChange[];
}

const caps = [0, 1, 49, 50, 51, 99, 100, 101, 199, 999, 1000, 1001, 1100, 2050];

/** Sizes, many of them around those at which lists and searches change their behaviour. */
export function sizes(most = 2_050): fc.Arbitrary<number> {
  const upTo = (bound: number): number[] => caps.filter((size) => size <= Math.min(most, bound));
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...upTo(199)) },
    { weight: 4, arbitrary: fc.nat(Math.min(300, most)) },
    { weight: 1, arbitrary: fc.constantFrom(...upTo(2_050)) },
  );
}

/** Numbers of requests; most reads take a few dozen. */
export const requestNumber = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 30 }));

const tie = fc.record({
  size: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(2, 50, 99, 100, 101, 150, 199) },
    { weight: 1, arbitrary: fc.constantFrom(999, 1000, 1001, 1100) },
  ),
  connections: fc.integer({ min: 1, max: 5 }),
  updatedTogether: fc.boolean(),
});

/** Users over the tenant's whole life, with blocks that share a timestamp. */
const grown = fc.record({ others: sizes(), ties: fc.array(tie, { maxLength: 2 }) }).map(({ others, ties }) => {
  const tied = ties.reduce((sum, { size }) => sum + size, 0);
  // The emulator spreads blocks over the tenant's life, so two of them need other users between them.
  const room = ties.length < 2 ? 0 : Math.ceil(tied / 2);
  return { ties, count: tied + Math.max(room, Math.min(others, Math.max(120, 2_050 - tied))) };
});

/** Users in each of the tenant's first milliseconds: wherever a range is split, there are some. */
export function createImportedUsers(perMs: readonly number[]): UserPopulation {
  return {
    ties: perMs.map((size, ms) => ({ size, at: new Date(tenantStart + ms).toISOString(), updatedTogether: true })),
    count: perMs.reduce((sum, size) => sum + size, 0),
  };
}

const imported = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 5, maxLength: 16 }).map(createImportedUsers);

/** Users, some of which lack a timestamp unless they belong to a block. */
export const userPopulation: fc.Arbitrary<UserPopulation> = fc
  .record({
    shape: fc.oneof({ weight: 2, arbitrary: grown }, { weight: 1, arbitrary: imported }),
    missingCreatedAt: fc.constantFrom(0, 1, 3, 101),
    missingUpdatedAt: fc.constantFrom(0, 1, 3, 101),
    edgeCases: fc.boolean(),
  })
  .map(({ shape, ...population }) => ({ ...shape, ...population }));

export function generateChanges(types: readonly TenantChange['type'][]): fc.Arbitrary<PlannedChange[]> {
  const change = fc.record(
    {
      at: requestNumber,
      type: fc.constantFrom(...types),
      nth: fc.oneof(fc.nat(130), fc.nat(2_100)),
      org: fc.nat(12),
      many: fc.integer({ min: 2, max: 60 }),
    },
    { requiredKeys: ['at', 'type', 'nth', 'org'], noNullPrototype: true },
  );
  return fc
    .array(change, { maxLength: 6 })
    .map((changes) => changes.map(({ org, ...rest }) => ({ ...rest, ...(rest.type.endsWith('Member') && { org }) })));
}

export const settings: fc.Arbitrary<GeneratedTenant['settings']> = fc.record(
  {
    pageCap: fc.constant(50),
    trailingMembersPage: fc.constant(true),
    nextOnFullPage: fc.constant(true),
    shuffleTies: fc.constant(true),
    emptyRoles: fc.constant('absent' as const),
  },
  { requiredKeys: [], noNullPrototype: true },
);

export const userChanges = generateChanges(['updateUser', 'deleteUser', 'createUser']);

/** A tenant with users only. */
export const usersTenant: fc.Arbitrary<GeneratedTenant> = fc.record({
  scenario: userPopulation.map((users) => ({
    users,
    clients: { count: 0 },
    organizations: { count: 0 },
    roles: { count: 0 },
  })),
  settings,
  searchLagMs: fc.constantFrom(0, 2_000),
  changes: userChanges,
});

/** An empty tenant with default settings. */
export const plainTenant: GeneratedTenant = {
  scenario: { users: { count: 0 }, clients: { count: 0 }, organizations: { count: 0 }, roles: { count: 0 } },
  settings: {},
  searchLagMs: 0,
  changes: [],
};

/** A running tenant with its own clock. */
export interface LiveTenant {
  emulator: Emulator;
  clock: { now: number };
  /** Schedules changes at later requests, counted from the last reset. Returns the ids that several changes name. */
  plan(changes: readonly PlannedChange[]): Set<string>;
}

/** Later than all timestamps of generated users. */
const firstDay = Date.UTC(2026, 0, 5);

/** Starts a generated tenant for the duration of `use`. */
export async function withEmulatedTenant(
  generated: GeneratedTenant,
  use: (tenant: LiveTenant) => Promise<void>,
): Promise<void> {
  const tenant = await startTenant(generated);
  try {
    await use(tenant);
  } finally {
    await tenant.emulator.close();
  }
}

async function startTenant({ scenario, settings, searchLagMs }: GeneratedTenant): Promise<LiveTenant> {
  const clock = { now: firstDay };
  const emulator = await startEmulator({ scenario, ...settings, searchLagMs, now: () => clock.now });
  return {
    emulator,
    clock,
    plan(changes) {
      const script = changes.flatMap(({ at, ...planned }): ScriptedChange[] =>
        Array.from({ length: planned.many ?? 1 }, (_, next) => ({ ...planned, nth: planned.nth + next }))
          .flatMap((each) => resolveChange(each, emulator, scenario) ?? [])
          .map((change) => ({ change, atRequest: at })),
      );
      emulator.setScript(script);
      return findRepeatedIds(script);
    },
  };
}

function findRepeatedIds(script: readonly ScriptedChange[]): Set<string> {
  const ids = script.flatMap(({ change: { type: _, ...named } }) =>
    Object.values(named).filter((id) => typeof id === 'string'),
  );
  return new Set(ids.filter((id, index) => ids.indexOf(id) !== index));
}

/** Undefined when there is nothing to change. */
function resolveChange(
  { type, nth, org = 0 }: Omit<PlannedChange, 'at'>,
  { tenant }: Emulator,
  { users }: TenantScenario,
): TenantChange | undefined {
  const at = <Item>(list: readonly Item[], index: number): Item | undefined => list[index % (list.length || 1)];
  const user_id = users.count > 0 ? tenant.users.generateId(nth % users.count) : undefined;
  const org_id = at(tenant.organizations.rows, org)?.id;
  switch (type) {
    case 'createUser':
    case 'createOrganization':
    case 'createClient':
      return { type };
    case 'updateUser':
      return user_id ? { type, user_id, patch: { nickname: 'changed' } } : undefined;
    case 'deleteUser':
      return user_id ? { type, user_id } : undefined;
    case 'addMember': {
      const role = at(tenant.roles.rows, nth);
      const roles = role && role.record['owner_id'] === undefined ? [role.id] : [];
      return user_id && org_id ? { type, org_id, user_id, roles } : undefined;
    }
    case 'removeMember': {
      const member = org_id && at(tenant.memberships.list(org_id), nth);
      return member ? { type, org_id, user_id: member.id } : undefined;
    }
    case 'updateOrganization':
    case 'deleteOrganization': {
      const id = at(tenant.organizations.rows, nth)?.id;
      if (!id) return undefined;
      return type === 'deleteOrganization' ? { type, id } : { type, id, patch: { display_name: 'Changed' } };
    }
    case 'updateClient':
    case 'deleteClient': {
      const client_id = at(tenant.clients.rows, nth)?.id;
      if (!client_id) return undefined;
      return type === 'deleteClient' ? { type, client_id } : { type, client_id, patch: { name: 'Changed' } };
    }
    case 'deleteRole': {
      const id = at(tenant.roles.rows, nth)?.id;
      return id ? { type, id, lingers: nth % 2 === 1 } : undefined;
    }
    case 'createRole':
    case 'updateRole':
      return undefined;
  }
}
