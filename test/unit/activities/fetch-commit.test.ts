import { type Emulator, type Fault, startEmulator } from 'auth0-emulator';
import type { Segment } from '../../../src/staging/segment';
import { scratchFolders } from '../../support/scratch';
import {
  createTestClient,
  selectSegments,
  createFetchRunner,
  type Attempt,
  type FetchRunner,
} from '../../support/fetch-fixture';

const clients = { kind: 'list', stream: 'clients' } as const;
const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof createTestClient>;

beforeAll(async () => {
  const none = { count: 0 };
  tenant = await startEmulator({
    scenario: { users: none, clients: { count: 450 }, organizations: none, roles: none },
  });
  client = createTestClient(tenant);
});
afterEach(() => tenant.setFaults([]));
afterAll(async () => {
  client.close();
  await tenant.close();
});

const readClientIds = async ({ readRows }: FetchRunner, segments: readonly Segment[]): Promise<string[]> =>
  (await readRows(selectSegments('clients', segments))).map(({ client_id: id }) => id as string);
const listClientIds = (): string[] => tenant.tenant.clients.rows.map(({ id }) => id);

describe('pages that arrive close together', () => {
  const createBatchingRunner = (): FetchRunner => createFetchRunner(newFolder(), () => client, undefined, 60_000);

  it('become durable together, and are reported then', async () => {
    const runner = createBatchingRunner();
    const { result, heartbeats } = runner.attempt({ task: clients });
    const { segments, counts } = await result;
    expect((await readClientIds(runner, segments)).sort()).toEqual(listClientIds().sort());
    // On a slow machine, earlier heartbeats report that nothing is durable yet.
    expect(heartbeats.map((each) => each.counts.pages).filter((pages) => pages > 0)).toEqual([counts.pages]);
    expect(counts.pages).toBe(5);
  });

  it.each<[string, (attempt: Attempt) => void, Fault[]]>([
    ['an error', () => undefined, [{ kind: '503', match: '/clients', nth: 4 }]],
    ['cancellation', (attempt) => attempt.cancel(), [{ kind: 'slow', match: '/clients', nth: 4 }]],
  ])('are not read again after %s', async (_, act, faults) => {
    tenant.setFaults(faults);
    tenant.resetStatistics();
    const runner = createBatchingRunner();
    const first = runner.attempt({ task: clients });
    while (tenant.readStatistics().requests < 4) await new Promise((go) => setTimeout(go, 5));
    act(first);
    await first.result.catch(() => undefined);
    expect(first.heartbeats.at(-1)?.counts.pages).toBe(3);
    tenant.setFaults([]);
    tenant.resetStatistics();
    const { segments } = await runner.attempt({ task: clients }, 2, first.heartbeats.at(-1)).result;
    expect(tenant.readStatistics().byRoute['clients']).toMatchObject({ '200': 2 });
    expect((await readClientIds(runner, segments)).sort()).toEqual(listClientIds().sort());
  });
});
