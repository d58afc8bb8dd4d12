import fc from 'fast-check';
import { scratchFolders } from '../../support/scratch';
import { countRuns, forSeconds } from '../../support/simulation/deadline';
import type { UserPopulation } from 'auth0-emulator';
import {
  createImportedUsers,
  plainTenant,
  usersTenant,
  type GeneratedTenant,
  type PlannedChange,
} from '../../support/simulation/generated-tenant';
import { expectWholeRefresh } from '../../support/simulation/refresh';
import { noFaults, faultSchedule, type FaultSchedule } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();

const createTenant = (users: UserPopulation, changes: PlannedChange[] = []): GeneratedTenant => ({
  ...plainTenant,
  scenario: { ...plainTenant.scenario, users },
  changes,
});

/** Cases that are rarely generated. */
const examples: [GeneratedTenant, FaultSchedule][] = [
  // Users before the current position in a block are deleted while it is read.
  [createTenant({ count: 150, ties: [{ size: 150 }] }, [{ at: 3, type: 'deleteUser', nth: 0, many: 5 }]), noFaults],
  // A block that must be split, with users that have identities in several connections.
  [createTenant({ count: 1_100, ties: [{ size: 1_100, connections: 2 }] }), noFaults],
  // Wherever a range can be split there are users, and a later run reads some of the parts.
  [
    createTenant(createImportedUsers(Array.from({ length: 12 }, () => 50))),
    { ...noFaults, limits: { ...noFaults.limits, pages: 1, rowsPerPartition: { preferred: 20, min: 20 } }, failsAt: 4 },
  ],
];

it('reads every user that exists throughout a full refresh once, and no other', async () => {
  const property = forSeconds<[GeneratedTenant, FaultSchedule]>(20, (generated, schedule) =>
    expectWholeRefresh(generated, schedule, { streams: ['users'], folder: newFolder() }),
  );
  await fc.assert(fc.asyncProperty(usersTenant, faultSchedule, property), { numRuns: countRuns(16), examples });
});
