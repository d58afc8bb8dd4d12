import fc from 'fast-check';
import { scratchFolders } from '../../support/scratch';
import { forSeconds } from '../../support/simulation/deadline';
import type { UserPopulation } from 'auth0-emulator';
import {
  importedIn,
  plainTenant,
  usersTenant,
  type GeneratedTenant,
  type PlannedChange,
} from '../../support/simulation/generated-tenant';
import { expectWholeRefresh } from '../../support/simulation/refresh';
import { calm, course, type Course } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();

const tenantOf = (users: UserPopulation, changes: PlannedChange[] = []): GeneratedTenant => ({
  ...plainTenant,
  scenario: { ...plainTenant.scenario, users },
  changes,
});

/** Rare among those that are generated. */
const examples: [GeneratedTenant, Course][] = [
  // Users before the place in a block go while it is read.
  [tenantOf({ count: 150, ties: [{ size: 150 }] }, [{ at: 3, type: 'deleteUser', nth: 0, many: 5 }]), calm],
  // A block to be split, in which some have identities in several connections.
  [tenantOf({ count: 1_100, ties: [{ size: 1_100, connections: 2 }] }), calm],
  // Everywhere a range can be cut there are users; and parts of it are left to another run.
  [
    tenantOf(importedIn(Array.from({ length: 12 }, () => 50))),
    { ...calm, limits: { ...calm.limits, pages: 1, rowsPerPartition: { preferred: 20, min: 20 } }, failsAt: 4 },
  ],
];

it('a full refresh brings every user that was there throughout, once, and nobody who was not', async () => {
  const property = forSeconds<[GeneratedTenant, Course]>(20, (generated, way) =>
    expectWholeRefresh(generated, way, { streams: ['users'], folder: newFolder() }),
  );
  await fc.assert(fc.asyncProperty(usersTenant, course, property), { numRuns: 16, examples });
});
