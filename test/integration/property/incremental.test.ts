import fc from 'fast-check';
import type { JsonObject } from '../../../src/json';
import { countRuns, forSeconds } from '../../support/simulation/deadline';
import { compare } from '../../support/compare-copy';
import { scratchFolders } from '../../support/scratch';
import { incremental } from '../../support/test-environment';
import {
  plainTenant,
  userChanges,
  usersTenant,
  withEmulatedTenant,
  type GeneratedTenant,
  type LiveTenant,
  type PlannedChange,
} from '../../support/simulation/generated-tenant';
import { findCopyErrors } from '../../support/simulation/expected-copy';
import { noFaults, faultSchedule, simulate, type FaultSchedule } from '../../support/simulation/simulation';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.setTimeout(120_000);

const newFolder = scratchFolders();

/** What a destination that keeps the newest version of each user holds. */
function newest(rows: readonly JsonObject[]): JsonObject[] {
  const held = new Map<string, JsonObject>();
  const age = (row: JsonObject): string => String(row['updated_at'] ?? '');
  for (const row of rows) {
    const known = held.get(row['user_id'] as string);
    if (!known || age(known) <= age(row)) held.set(row['user_id'] as string, row);
  }
  return [...held.values()];
}

const versionOf = (row: JsonObject): string => [row['user_id'], row['updated_at']].join(' ');

/** Three runs of a stream, and what changes during the first two and after each. */
interface Sequence {
  schedules: [FaultSchedule, FaultSchedule, FaultSchedule];
  later: PlannedChange[];
  lagSeconds: number;
  pauseMs: number;
  /** The cursor that they begin with. */
  saved: string | null;
}

const sequence: fc.Arbitrary<Sequence> = fc.record({
  schedules: fc.tuple(faultSchedule, faultSchedule, faultSchedule),
  later: userChanges,
  lagSeconds: fc.constantFrom(0, 1, 60),
  pauseMs: fc.constantFrom(0, 1_000, 3_600_000),
  saved: fc.constantFrom(null, null, '2022-01-01T00:00:00.000Z', '2024-06-01T00:00:00.000Z'),
});

/** Runs them one after the other, and expects that their records together are data of the tenant then. */
async function expectTruthIn(
  tenant: LiveTenant,
  { searchLagMs, changes }: GeneratedTenant,
  { schedules, later, lagSeconds, pauseMs, saved }: Sequence,
): Promise<void> {
  const { emulator, clock } = tenant;
  const [first, second, { failsAt: _, ...third }] = schedules;
  const before = emulator.readTruth();
  const folder = newFolder();
  const rows: JsonObject[] = [];
  let states: Record<string, JsonObject> = saved === null ? {} : { users: { updated_at: saved } };

  async function run(schedule: FaultSchedule, planned: PlannedChange[]): Promise<boolean> {
    tenant.plan(planned);
    // Just enough for what the search shows late, and for a clock that is told to the second.
    const reading = { lookbackSeconds: searchLagMs / 1_000 + 1, lagSeconds };
    const done = await simulate(tenant, folder, { ...schedule, streams: incremental('users'), reading, states });
    const brought = done.rows['users'] ?? [];
    expect(new Set(brought.map(versionOf)).size).toBe(brought.length);
    rows.push(...brought);
    ({ states } = done);
    clock.now += pauseMs;
    const isWhole = done.results[0]?.status === 'complete';
    if (schedule.failsAt === undefined) expect(isWhole).toBe(true);
    return isWhole;
  }

  const isFirstWhole = await run(first, changes);
  const isSecondWhole = await run(second, later);
  clock.now += lagSeconds * 1_000 + searchLagMs;
  await run(third, []);
  // The third one has ended the first reading, which only the next one can add to.
  if (!isFirstWhole && !isSecondWhole) await run(third, []);

  const isOld = (id: string): boolean => {
    const updated = emulator.tenant.users.get(id)?.['updated_at'];
    return saved !== null && updated !== undefined && String(updated) < saved;
  };
  const held = newest(rows);
  const { lost, different } = compare('users', held, emulator.readTruth().users);
  const { invented } = findCopyErrors(emulator, { before, unstableIds: new Set() }, 'users', held);
  const faults = { lost: lost.filter((id) => !isOld(id)), different, invented };
  expect(faults).toEqual({ lost: [], different: [], invented: [] });
}

/** Rare among those that are generated: who changes after the first page, long before the first slice ends. */
const early: [GeneratedTenant, Sequence] = [
  {
    ...plainTenant,
    scenario: { ...plainTenant.scenario, users: { count: 1_000 } },
    changes: [{ at: 2, type: 'updateUser', nth: 0 }],
  },
  { schedules: [noFaults, noFaults, noFaults], later: [], lagSeconds: 0, pauseMs: 0, saved: null },
];

it('incremental runs bring together data of the tenant, whatever changed during and between them', async () => {
  const property = forSeconds<[GeneratedTenant, Sequence]>(20, (generated, runs) =>
    withEmulatedTenant(generated, (tenant) => expectTruthIn(tenant, generated, runs)),
  );
  await fc.assert(fc.asyncProperty(usersTenant, sequence, property), { numRuns: countRuns(8), examples: [early] });
});
