import fc from 'fast-check';
import type { TenantScenario, TruthStream } from 'auth0-emulator';
import { scratchFolders } from '../../support/scratch';
import { forSeconds } from '../../support/simulation/deadline';
import {
  changesOf,
  type GeneratedTenant,
  plainTenant,
  settings,
  sizes,
} from '../../support/simulation/generated-tenant';
import { expectWholeRefresh } from '../../support/simulation/refresh';
import { calm, course, type Course } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();
const family: TruthStream[] = ['organizations', 'organization_members', 'organization_member_roles'];

/** Organizations of whom the first ones are large. @param most members of one */
function scenarioOf(most: number): fc.Arbitrary<TenantScenario> {
  return fc
    .record({
      organizations: fc.oneof(
        { weight: 15, arbitrary: fc.nat(8) },
        { weight: 1, arbitrary: fc.constantFrom(99, 100, 101) },
      ),
      big: fc.array(sizes(most), { maxLength: 3 }),
      members: fc.nat(3),
      roles: fc.nat(4),
      owned: fc.option(fc.record({ organizations: fc.nat(3), each: fc.integer({ min: 1, max: 3 }) }), {
        nil: undefined,
      }),
    })
    .map(({ organizations, big, members, roles, owned }) => ({
      users: { count: Math.max(10, ...big) },
      clients: { count: 0 },
      organizations: { count: organizations, members, firstMemberCounts: big },
      roles: { count: roles, ...(owned && { owned }) },
    }));
}

const asked = fc.constantFrom(family, family.slice(1), ['organization_members'] as TruthStream[]);

const twoLarge: GeneratedTenant = {
  ...plainTenant,
  scenario: {
    ...plainTenant.scenario,
    users: { count: 120 },
    organizations: { count: 3, members: 1, firstMemberCounts: [120, 120] },
    roles: { count: 2 },
  },
};

const inOneBatch: Course = { ...calm, limits: { ...calm.limits, concurrency: { min: 1, max: 1 } } };

/** Rare among those that are generated: a place that is lost in mid-list, and one of three organizations that is gone. */
const examples: [GeneratedTenant, TruthStream[], Course][] = [
  [twoLarge, family, { ...calm, limits: { ...calm.limits, pages: 1 }, expiresAt: 4 }],
  [twoLarge, family.slice(0, 2), { ...inOneBatch, expiresAt: 5 }],
  [{ ...twoLarge, changes: [{ at: 2, type: 'deleteOrganization', nth: 0 }] }, family.slice(0, 2), inOneBatch],
];

it.each([
  ['inline', 1_100],
  ['per_member', 51],
] as const)('members and roles (%s) come whole, once, though they come and go', async (rolesSource, most) => {
  const familyTenant: fc.Arbitrary<GeneratedTenant> = fc.record({
    scenario: scenarioOf(most),
    settings,
    searchLagMs: fc.constant(0),
    changes: changesOf([
      'deleteOrganization',
      'addMember',
      'removeMember',
      'deleteUser',
      'createOrganization',
      'updateOrganization',
      'deleteRole',
    ]),
  });
  const property = forSeconds<[GeneratedTenant, TruthStream[], Course]>(20, (generated, streams, way) =>
    // The place that a family goes on from is one that all its streams have passed.
    expectWholeRefresh(generated, way, { streams, folder: newFolder(), rolesSource, mayRepeat: () => true }),
  );
  await fc.assert(fc.asyncProperty(familyTenant, asked, course, property), { numRuns: 12, examples });
});
