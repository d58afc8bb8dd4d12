import { type Emulator, type Fault, startEmulator } from 'auth0-emulator';
import type { Segment } from '../../../src/staging/segment';
import { scratchFolders } from '../../support/scratch';
import { impatientClient, segmentsOf, slicesIn, type Attempt, type Slices } from '../../support/fetch-fixture';

const clients = { kind: 'list', stream: 'clients' } as const;
const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof impatientClient>;

beforeAll(async () => {
  const none = { count: 0 };
  tenant = await startEmulator({
    scenario: { users: none, clients: { count: 450 }, organizations: none, roles: none },
  });
  client = impatientClient(tenant);
});
afterEach(() => tenant.setFaults([]));
afterAll(async () => {
  client.close();
  await tenant.close();
});

/** The ids of the clients that segments hold. */
const idsIn = async ({ rowsOf }: Slices, segments: readonly Segment[]): Promise<string[]> =>
  (await rowsOf(segmentsOf('clients', segments))).map(({ client_id: id }) => id as string);
const allIds = (): string[] => tenant.tenant.clients.rows.map(({ id }) => id);

describe('pages that come close together', () => {
  const gathered = (): Slices => slicesIn(newFolder(), () => client, undefined, 60_000);

  it('are made durable together, and told of then', async () => {
    const all = gathered();
    const { result, heartbeats } = all.attempt({ task: clients });
    const { segments, counts } = await result;
    expect((await idsIn(all, segments)).sort()).toEqual(allIds().sort());
    // Where all takes long, heartbeats tell before that nothing is durable yet.
    expect(heartbeats.map((each) => each.counts.pages).filter((pages) => pages > 0)).toEqual([counts.pages]);
    expect(counts.pages).toBe(5);
  });

  it.each<[string, (attempt: Attempt) => void, Fault[]]>([
    ['an error', () => undefined, [{ kind: '503', match: '/clients', nth: 4 }]],
    ['being told to stop', (attempt) => attempt.cancel(), [{ kind: 'slow', match: '/clients', nth: 4 }]],
  ])('are not read again after %s', async (_, act, faults) => {
    tenant.setFaults(faults);
    tenant.resetStatistics();
    const all = gathered();
    const first = all.attempt({ task: clients });
    while (tenant.readStatistics().requests < 4) await new Promise((go) => setTimeout(go, 5));
    act(first);
    await first.result.catch(() => undefined);
    expect(first.heartbeats.at(-1)?.counts.pages).toBe(3);
    tenant.setFaults([]);
    tenant.resetStatistics();
    const { segments } = await all.attempt({ task: clients }, 2, first.heartbeats.at(-1)).result;
    expect(tenant.readStatistics().byRoute['clients']).toMatchObject({ '200': 2 });
    expect((await idsIn(all, segments)).sort()).toEqual(allIds().sort());
  });
});
