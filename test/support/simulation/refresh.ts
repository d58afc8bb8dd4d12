import type { TruthStream } from 'auth0-emulator';
import type { RolesSource } from '../../../src/streams/fetch-task';
import { full } from '../test-environment';
import { type GeneratedTenant, withEmulatedTenant } from './generated-tenant';
import { expectCopy } from './expected-copy';
import { type FaultSchedule, simulateToEnd } from './simulation';

interface Refresh {
  streams: readonly TruthStream[];
  /** For staging. */
  folder: string;
  rolesSource?: RolesSource;
  /** Whether a run that continues an incomplete one may read its rows again. Default: never. */
  mayRepeat?: (faultSchedule: FaultSchedule) => boolean;
}

/** Refreshes streams of a generated tenant, and expects complete and exact copies despite all changes and faults. */
export async function expectWholeRefresh(
  generated: GeneratedTenant,
  faultSchedule: FaultSchedule,
  { streams, folder, rolesSource = 'inline', mayRepeat = () => false }: Refresh,
): Promise<void> {
  await withEmulatedTenant(generated, async (tenant) => {
    const { emulator } = tenant;
    const before = emulator.readTruth();
    const unstableIds = tenant.plan(generated.changes);
    const configured = full(...streams).map((stream) => ({ ...stream, syncId: 7 }));
    const simulation = { ...faultSchedule, streams: configured, reading: { rolesSource } };
    const { rows, results, resumed } = await simulateToEnd(tenant, folder, simulation);
    expect(results).toMatchObject(streams.map(() => ({ status: 'complete' })));
    const allowed = resumed && mayRepeat(faultSchedule) ? { twice: expect.anything() as unknown } : {};
    expectCopy(emulator, { before, unstableIds }, rows, streams, allowed);
  });
}
