import fc from 'fast-check';
import { scratchFolders } from '../../support/scratch';
import { countRuns, forSeconds } from '../../support/simulation/deadline';
import {
  generateChanges,
  plainTenant,
  settings,
  sizes,
  type GeneratedTenant,
} from '../../support/simulation/generated-tenant';
import { expectWholeRefresh } from '../../support/simulation/refresh';
import { noFaults, faultSchedule, type FaultSchedule } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();
const listChanges = {
  clients: generateChanges(['updateClient', 'deleteClient', 'createClient']),
  organizations: generateChanges(['updateOrganization', 'deleteOrganization', 'createOrganization']),
};

it.each(['clients', 'organizations'] as const)(
  'reads %s completely and once while the list changes',
  async (stream) => {
    const listTenant: fc.Arbitrary<GeneratedTenant> = fc.record({
      scenario: sizes().map((count) => ({
        users: { count: 0 },
        clients: { count: 0 },
        organizations: { count: 0 },
        roles: { count: 0 },
        [stream]: { count, ...(stream === 'organizations' && { members: 0 }) },
      })),
      settings,
      searchLagMs: fc.constant(0),
      changes: listChanges[stream],
    });
    const long = { ...plainTenant, scenario: { ...plainTenant.scenario, [stream]: { count: 350 } } };
    const examples: [GeneratedTenant, FaultSchedule][] = [
      [long, { ...noFaults, kills: [{ at: 4, lost: 1 }] }],
      [long, { ...noFaults, limits: { ...noFaults.limits, pages: 1 }, expiresAt: 4 }],
    ];
    const property = forSeconds<[GeneratedTenant, FaultSchedule]>(15, (generated, schedule) =>
      expectWholeRefresh(generated, schedule, {
        streams: [stream],
        folder: newFolder(),
        // The state does not contain which rows the first run delivered, so an expired checkpoint restarts the list.
        mayRepeat: ({ expiresAt }) => expiresAt !== undefined,
      }),
    );
    await fc.assert(fc.asyncProperty(listTenant, faultSchedule, property), { numRuns: countRuns(10), examples });
  },
);
