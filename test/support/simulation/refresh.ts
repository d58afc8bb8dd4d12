import type { TruthStream } from 'auth0-emulator';
import type { RolesSource } from '../../../src/streams/fetch-task';
import { full } from '../test-environment';
import { type GeneratedTenant, withTenant } from './generated-tenant';
import { expectHeld } from './held';
import { type Course, rehearseToEnd } from './simulation';

interface Refresh {
  streams: readonly TruthStream[];
  /** For staging. */
  folder: string;
  rolesSource?: RolesSource;
  /** Whether a run that goes on for another one may bring again what that had brought. Default: never. */
  mayRepeat?: (course: Course) => boolean;
}

/** Refreshes streams of a generated tenant, and expects them to be whole and exact whatever happens meanwhile. */
export async function expectWholeRefresh(
  generated: GeneratedTenant,
  course: Course,
  { streams, folder, rolesSource = 'inline', mayRepeat = () => false }: Refresh,
): Promise<void> {
  await withTenant(generated, async (tenant) => {
    const { emulator } = tenant;
    const before = emulator.readTruth();
    const restless = tenant.plan(generated.changes);
    const configured = full(...streams).map((stream) => ({ ...stream, syncId: 7 }));
    const rehearsal = { ...course, streams: configured, reading: { rolesSource } };
    const { rows, results, resumed } = await rehearseToEnd(tenant, folder, rehearsal);
    expect(results).toMatchObject(streams.map(() => ({ status: 'complete' })));
    const allowed = resumed && mayRepeat(course) ? { twice: expect.anything() as unknown } : {};
    expectHeld(emulator, { before, restless }, rows, streams, allowed);
  });
}
