import { type Emulator, startEmulator } from 'auth0-emulator';
import { startCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

const cwd = scratchFolder();
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: { users: { count: 1_500 }, organizations: { count: 10 }, clients: { count: 3 }, roles: { count: 2 } },
  });
  projectFor(cwd, tenant);
});
afterAll(() => tenant.close());

it('watch --json prints each change and the end of a sync, and sync --quiet only its result', async () => {
  const intervals = { progressMs: 20 };
  tenant.updateSettings({ latencyMs: 50 });
  const requested = new Promise<void>((resolve) => tenant.onRequest(1, resolve));
  const sync = startCli(['sync', 'acme', '--quiet'], { cwd, intervals });
  await requested;
  const watch = startCli(['watch', 'acme', '--json'], { cwd, intervals });
  await watch.waitForOutput('"event":"progress"');
  tenant.updateSettings({ latencyMs: 0 });
  const [result, watched] = await Promise.all([sync.ended, watch.ended]);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toMatch(/^┌[^]*total: complete\n$/);
  expect(watched).toMatchObject({ code: 0, stderr: '' });
  const events = watched.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; status?: string; streams: { stream: string }[] });
  expect(events.map(({ event }) => event)).toEqual([...events.slice(1).map(() => 'progress'), 'end']);
  expect(events.length).toBeGreaterThan(1);
  expect(events.at(-1)).toMatchObject({ event: 'end', status: 'complete' });
  expect(events.at(-1)?.streams).toHaveLength(5);
});
