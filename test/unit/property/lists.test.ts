import fc from 'fast-check';
import { scratchFolders } from '../../support/scratch';
import { forSeconds } from '../../support/simulation/deadline';
import {
  changesOf,
  plainTenant,
  settings,
  sizes,
  type GeneratedTenant,
} from '../../support/simulation/generated-tenant';
import { expectWholeRefresh } from '../../support/simulation/refresh';
import { calm, course, type Course } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();
const listed = {
  clients: changesOf(['updateClient', 'deleteClient', 'createClient']),
  organizations: changesOf(['updateOrganization', 'deleteOrganization', 'createOrganization']),
};

it.each(['clients', 'organizations'] as const)('%s come whole, once, though the list changes', async (stream) => {
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
    changes: listed[stream],
  });
  const long = { ...plainTenant, scenario: { ...plainTenant.scenario, [stream]: { count: 350 } } };
  const examples: [GeneratedTenant, Course][] = [
    [long, { ...calm, kills: [{ at: 4, lost: 1 }] }],
    [long, { ...calm, limits: { ...calm.limits, pages: 1 }, expiresAt: 4 }],
  ];
  const property = forSeconds<[GeneratedTenant, Course]>(15, (generated, way) =>
    expectWholeRefresh(generated, way, {
      streams: [stream],
      folder: newFolder(),
      // Which rows the first run had delivered is not in its state: a list that it can't go on with is read from its beginning.
      mayRepeat: ({ expiresAt }) => expiresAt !== undefined,
    }),
  );
  await fc.assert(fc.asyncProperty(listTenant, course, property), { numRuns: 10, examples });
});
