import fc from 'fast-check';
import type { TruthStream } from 'auth0-emulator';
import { full, startTestEnvironment, type TestEnvironment } from '../../support/test-environment';
import { countRuns, forSeconds } from '../../support/simulation/deadline';
import {
  generateChanges,
  type GeneratedTenant,
  requestNumber,
  settings,
  userPopulation,
  withEmulatedTenant,
} from '../../support/simulation/generated-tenant';
import { expectCopy } from '../../support/simulation/expected-copy';

jest.setTimeout(120_000);

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await startTestEnvironment();
}, 60_000);
afterAll(() => environment.close());

const everyStream: TruthStream[] = [
  'clients',
  'users',
  'organizations',
  'organization_members',
  'organization_member_roles',
];

const wholeTenant: fc.Arbitrary<GeneratedTenant> = fc.record({
  scenario: fc
    .record({ users: userPopulation, clients: fc.nat(250), organizations: fc.nat(12), big: fc.nat(250) })
    .map(({ users, clients, organizations, big }) => ({
      users: { ...users, count: users.count + 10 },
      clients: { count: clients },
      organizations: { count: organizations, members: { min: 0, max: 4 }, firstMemberCounts: [big] },
      roles: { count: 3, owned: { organizations: 2, each: 2 } },
    })),
  settings,
  searchLagMs: fc.constant(0),
  changes: generateChanges([
    'updateUser',
    'deleteUser',
    'createUser',
    'deleteClient',
    'deleteOrganization',
    'addMember',
    'removeMember',
  ]),
});

/** What goes wrong on our side, and how the streams are cut up. */
const faultSchedule = fc.record({
  pages: fc.integer({ min: 1, max: 3 }),
  rowsPerSpan: fc.constantFrom(50, 100, 300),
  /** The connection breaks at this request. */
  resetAt: fc.option(requestNumber),
  /** The worker is gone before it can tell what this slice brought. */
  lostAt: fc.option(fc.nat(6)),
});
type FaultSchedule = typeof faultSchedule extends fc.Arbitrary<infer Value> ? Value : never;

it('all streams come whole, side by side, though the tenant changes and requests fail', async () => {
  const property = forSeconds<[GeneratedTenant, FaultSchedule]>(
    30,
    (generated, { pages, rowsPerSpan, resetAt, lostAt }) =>
      withEmulatedTenant(generated, async ({ emulator, plan }) => {
        const before = emulator.readTruth();
        const unstableIds = plan(generated.changes);
        emulator.setFaults(resetAt === null ? [] : [{ match: '/api/v2', kind: 'reset', nth: resetAt }]);
        let slices = 0;
        const { rows, result } = await environment.runSync({
          tenant: emulator,
          streams: full(...everyStream),
          limits: {
            rowsPerPartition: { preferred: rowsPerSpan, min: rowsPerSpan },
            fetchBudget: { pages, seconds: 60, bytes: 1e9 },
            concurrency: { min: 3, max: 3 },
            maxStalledAttempts: 3,
          },
          async fetchPages(_, read) {
            const slice = await read();
            if (slices++ === lostAt) throw new Error('the worker is gone');
            return slice;
          },
        });
        expect(result.status).toBe('complete');
        expectCopy(emulator, { before, unstableIds }, rows, everyStream);
      }),
  );
  await fc.assert(fc.asyncProperty(wholeTenant, faultSchedule, property), { numRuns: countRuns(6) });
});
