import fc from 'fast-check';
import type { TenantScenario, TruthStream } from 'auth0-emulator';
import { scratchFolders } from '../../support/scratch';
import { countRuns, forSeconds } from '../../support/simulation/deadline';
import {
  generateChanges,
  type GeneratedTenant,
  plainTenant,
  settings,
  sizes,
} from '../../support/simulation/generated-tenant';
import { expectWholeRefresh } from '../../support/simulation/refresh';
import { noFaults, faultSchedule, type FaultSchedule } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();
const streamFamily: TruthStream[] = ['organizations', 'organization_members', 'organization_member_roles'];

/** Organizations, the first of which are large. @param most members of one organization */
function generateScenario(most: number): fc.Arbitrary<TenantScenario> {
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

const selectedStreams = fc.constantFrom(streamFamily, streamFamily.slice(1), ['organization_members'] as TruthStream[]);

const twoLarge: GeneratedTenant = {
  ...plainTenant,
  scenario: {
    ...plainTenant.scenario,
    users: { count: 120 },
    organizations: { count: 3, members: 1, firstMemberCounts: [120, 120] },
    roles: { count: 2 },
  },
};

const inOneBatch: FaultSchedule = { ...noFaults, limits: { ...noFaults.limits, concurrency: { min: 1, max: 1 } } };

/** Cases that are rarely generated: a checkpoint that expires within a list, and a deleted organization among three. */
const examples: [GeneratedTenant, TruthStream[], FaultSchedule][] = [
  [twoLarge, streamFamily, { ...noFaults, limits: { ...noFaults.limits, pages: 1 }, expiresAt: 4 }],
  [twoLarge, streamFamily.slice(0, 2), { ...inOneBatch, expiresAt: 5 }],
  [{ ...twoLarge, changes: [{ at: 2, type: 'deleteOrganization', nth: 0 }] }, streamFamily.slice(0, 2), inOneBatch],
];

it.each([
  ['inline', 1_100],
  ['per_member', 51],
] as const)('reads members and roles (%s) completely and once while they change', async (rolesSource, most) => {
  const organizationsTenant: fc.Arbitrary<GeneratedTenant> = fc.record({
    scenario: generateScenario(most),
    settings,
    searchLagMs: fc.constant(0),
    changes: generateChanges([
      'deleteOrganization',
      'addMember',
      'removeMember',
      'deleteUser',
      'createOrganization',
      'updateOrganization',
      'deleteRole',
    ]),
  });
  const property = forSeconds<[GeneratedTenant, TruthStream[], FaultSchedule]>(20, (generated, streams, schedule) =>
    // Child streams resume together, from a position that all of them have passed.
    expectWholeRefresh(generated, schedule, { streams, folder: newFolder(), rolesSource, mayRepeat: () => true }),
  );
  await fc.assert(fc.asyncProperty(organizationsTenant, selectedStreams, faultSchedule, property), {
    numRuns: countRuns(12),
    examples,
  });
});
