import { type JsonObject, toText } from '../src/json';
import { createFaultInjector, type FaultKind } from '../src/faults';
import { type Emulator, startEmulator } from '../src/server';
import { control, requestToken, visit, type Visitor } from './visitor';

let emulator: Emulator;
let visitor: Visitor;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'small' });
  visitor = await visit(emulator);
});
afterAll(() => emulator.close());
afterEach(() => emulator.setFaults([]));

const listFaultyRequests = (plan: ReturnType<typeof createFaultInjector>, count: number): number[] =>
  Array.from({ length: count }, (_, place) => place + 1).filter(
    () => plan.selectFault('/api/v2/users?page=1') !== undefined,
  );

it.each([
  [{ nth: 3 }, [3]],
  [{ every: 2 }, [2, 4, 6]],
  [{ every: 2, times: 2 }, [2, 4]],
  [{}, [1, 2, 3, 4, 5, 6]],
  [{ match: '^/api/v2/users' }, [1, 2, 3, 4, 5, 6]],
  [{ match: 'clients' }, []],
  [{ probability: 0 }, []],
  [{ probability: 1 }, [1, 2, 3, 4, 5, 6]],
])('injects %j into the requests %j', (when, expected) => {
  expect(listFaultyRequests(createFaultInjector([{ kind: '500', ...when }], 1), 6)).toEqual(expected);
});

it('selects the same requests for the same seed, about as many as the probability', () => {
  const draw = (seed: number): number[] =>
    listFaultyRequests(createFaultInjector([{ kind: '500', probability: 0.3 }], seed), 1_000);
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(Math.abs(draw(7).length - 300)).toBeLessThan(60);
});

it.each([
  ['500', 500, '{"statusCode":500'],
  ['400', 400, '{"statusCode":400'],
  ['502', 502, '<!DOCTYPE html>'],
  ['503', 503, '{"statusCode":503'],
  ['504', 504, '<!DOCTYPE html>'],
  ['503-search-timeout', 503, 'The query exceeded the timeout. Please try refining your search criteria.'],
  ['html', 200, '<!DOCTYPE html>'],
  ['429', 429, '"errorCode":"too_many_requests"'],
  ['empty-object', 200, '{}'],
] as [FaultKind, number, string][])('answers %s with %i once', async (kind, status, text) => {
  emulator.setFaults([{ match: '/clients', kind, nth: 1 }]);
  const reply = await visitor.get('clients');
  expect(reply.status).toBe(status);
  expect(reply.text).toContain(text);
  expect((await visitor.get('clients')).body).toHaveLength(8);
  if (kind === '429') expect(reply.headers.get('x-ratelimit-remaining')).toBe('0');
});

it('resets the connection', async () => {
  emulator.resetStatistics();
  emulator.setFaults([{ kind: 'reset', nth: 1 }]);
  await expect(visitor.get('clients')).rejects.toThrow('fetch failed');
  expect((await visitor.get('clients')).status).toBe(200);
  expect(emulator.readStatistics()).toMatchObject({
    requests: 2,
    maxInFlight: 1,
    byRoute: { clients: { 0: 1, 200: 1 } },
  });
});

it('truncates a body with a matching content length', async () => {
  const whole = await visitor.get('clients');
  emulator.setFaults([{ kind: 'cut', nth: 1 }]);
  const { status, text, body } = await visitor.get('clients');
  expect(status).toBe(200);
  expect(text.length).toBe(Math.floor(whole.text.length / 2));
  expect(body).toBeUndefined();
});

it("truncates a body with the full body's content length", async () => {
  emulator.setFaults([{ kind: 'cut-length', nth: 1 }]);
  await expect(visitor.get('clients')).rejects.toThrow('terminated');
  expect((await visitor.get('clients')).status).toBe(200);
});

it('delays a response', async () => {
  emulator.setFaults([{ kind: 'slow', ms: 120, nth: 1 }]);
  const timed = async (): Promise<number> => {
    const start = performance.now();
    await visitor.get('clients');
    return performance.now() - start;
  };
  expect(await timed()).toBeGreaterThanOrEqual(119);
  emulator.updateSettings({ latencyMs: 60 });
  expect(await timed()).toBeGreaterThanOrEqual(59);
  emulator.updateSettings({ latencyMs: 0 });
});

it('repeats the previous page', async () => {
  emulator.setFaults([{ kind: 'repeat-page', match: 'page=2' }]);
  await visitor.get('users', { page: 0 });
  const first = await visitor.get('users', { page: 1 });
  const repeated = await visitor.get('users', { page: 2 });
  expect(repeated.text).toBe(first.text);
  expect((await visitor.get('users', { page: 3 })).text).not.toBe(first.text);
});

describe('omitting rows', () => {
  const fault = { kind: 'omit-rows', match: 'api/v2', nth: 1 } as const;

  it.each([
    ['users', 'users', { include_totals: true, per_page: 9, page: 1 }],
    ['organizations', 'organizations', { take: 9 }],
    ['roles', 'roles', { include_totals: true }],
  ])('keeps total and next of %s unchanged', async (path, list, query) => {
    const whole = (await visitor.get(path, query)).body;
    emulator.setFaults([fault]);
    const reply = (await visitor.get(path, query)).body;
    const rest = (whole[list] as JsonObject[]).filter((_, place) => ![2, 5, 8].includes(place));
    expect(rest.length).toBeGreaterThanOrEqual(4);
    const length = path === 'users' ? { length: rest.length } : {};
    expect(reply).toEqual({ ...(whole as JsonObject), [list]: rest, ...length });
  });

  it('omits the configured rows, also of bare arrays, and nothing outside of lists', async () => {
    const [first, ...others] = (await visitor.get('users', { per_page: 5 })).body;
    emulator.setFaults([{ ...fault, rows: 2 }]);
    expect((await visitor.get('users', { per_page: 5 })).body).toEqual([first, others[1], others[3]]);
    emulator.setFaults([{ kind: 'omit-rows', rows: 1 }]);
    expect((await visitor.get('users', { per_page: 5 })).body).toEqual([]);
    expect((await visitor.get(`users/${encodeURIComponent(toText(first?.['user_id']))}`)).body).toEqual(first);
  });
});

it('applies to token requests', async () => {
  emulator.setFaults([{ match: '^/oauth/token', kind: '503', nth: 1 }]);
  expect([(await requestToken(emulator)).status, (await requestToken(emulator)).status]).toEqual([503, 200]);
});

it('accepts faults through the control API', async () => {
  await control(emulator, 'faults', [{ match: '/roles', kind: '502' }]);
  expect([(await visitor.get('roles')).status, (await visitor.get('clients')).status]).toEqual([502, 200]);
});

it.each<[FaultKind, number]>([
  ['500', 500],
  ['cut', 200],
])('injects %s only into responses with a certain record', async (kind, status) => {
  const [first, second = ''] = emulator.tenant.clients.rows.map(({ id }) => id);
  emulator.setFaults([{ match: '/clients', kind, record: second }]);
  for (const path of ['clients', `clients/${second}`]) {
    const reply = await visitor.get(path);
    expect(reply.status).toBe(status);
    if (kind === 'cut') expect(() => JSON.parse(reply.text) as unknown).toThrow();
  }
  expect((await visitor.get(`clients/${first}`)).body).toMatchObject({ client_id: first });
  expect((await visitor.get('clients', { fields: 'client_id', include_fields: true })).body).toHaveLength(8);
});
