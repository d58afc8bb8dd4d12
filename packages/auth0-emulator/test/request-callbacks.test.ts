import { type Emulator, startEmulator } from '../src/server';
import { toText } from '../src/json';
import { type Visitor, visit } from './visitor';

let emulator: Emulator;
let visitor: Visitor;

beforeEach(async () => {
  emulator = await startEmulator({ scenario: 'small' });
  visitor = await visit(emulator);
});
afterEach(() => emulator.close());

it('calls back when the nth request arrives, before it is answered', async () => {
  const seen: string[] = [];
  emulator.onRequest(2, () => {
    const { requests, byRoute } = emulator.readStatistics();
    seen.push(`${requests} came, ${Object.keys(byRoute['roles'] ?? {}).length} answered`);
    emulator.tenant.apply({ type: 'createRole' });
  });
  const counts = [];
  for (let nth = 0; nth < 3; nth += 1) counts.push((await visitor.get('roles')).body.length);
  expect(seen).toEqual(['2 came, 1 answered']);
  expect(counts).toEqual([6, 7, 7]);
});

it('delays only the response of that request until the promise of the callback settles', async () => {
  let release: () => void = () => undefined;
  const order: string[] = [];
  const arrived = new Promise<void>((resolve) => {
    emulator.onRequest(1, () => {
      resolve();
      return new Promise((settle) => (release = settle));
    });
  });
  const delayed = visitor.get('roles').then(() => order.push('delayed'));
  await arrived;
  await visitor.get('clients').then(() => order.push('next'));
  release();
  await delayed;
  expect(order).toEqual(['next', 'delayed']);
});

it('serves the next request after a client aborts a delayed one', async () => {
  const controller = new AbortController();
  const closed = new Promise<void>((resolve) => {
    emulator.onRequest(1, async () => {
      controller.abort();
      while (emulator.readStatistics().byRoute['roles'] === undefined) await new Promise(setImmediate);
      resolve();
    });
  });
  const headers = { authorization: `Bearer ${visitor.token}` };
  await expect(fetch(`${emulator.url}/api/v2/roles`, { headers, signal: controller.signal })).rejects.toThrow(
    'aborted',
  );
  await closed;
  expect(emulator.readStatistics().byRoute).toMatchObject({ roles: { 0: 1 } });
  expect((await visitor.get('roles')).status).toBe(200);
});

it('numbers requests to the Management API only, and again after the statistics are reset', async () => {
  await visitor.get('roles');
  await visit(emulator);
  expect(() => emulator.onRequest(1, () => undefined)).toThrow(RangeError);
  emulator.resetStatistics();
  const called: number[] = [];
  for (const nth of [1, 2]) emulator.onRequest(nth, () => void called.push(nth));
  await visitor.get('roles');
  expect(called).toEqual([1]);
  await visitor.get(`users/${encodeURIComponent(toText('auth0|nobody'))}`);
  expect(called).toEqual([1, 2]);
});
