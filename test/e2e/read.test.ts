import { type Emulator, findSecrets, readerScopes, secretScopes, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { streams } from '../../src/streams/registry';
import { type Ended, messagesOf, run, writeJson } from '../support/program';
import { catalogFor, compare, configOf, exact } from '../support/compare-copy';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

describe('a read of a tenant beyond every cap of the API', () => {
  const folder = scratchFolder();
  let tenant: Emulator;
  let ended: Ended;
  let messages: JsonObject[];

  beforeAll(async () => {
    tenant = await startEmulator({ scenario: 'caps', scopes: [...readerScopes, ...secretScopes] });
    const config = writeJson(folder, 'config.json', configOf(tenant));
    const catalog = writeJson(folder, 'catalog.json', catalogFor());
    ended = await run('source-auth0', ['read', '--config', config, '--catalog', catalog]);
    messages = messagesOf(ended.stdout);
  });
  afterAll(() => tenant.close());

  it('ends well and says nothing on stderr', () => {
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each(streams.map(({ name }) => name as keyof ReturnType<Emulator['readTruth']>))(
    'brings every record of %s exactly once, as the tenant holds it',
    (stream) => {
      const records = messages
        .filter((message) => message['type'] === 'RECORD')
        .map((message) => message['record'] as { stream: string; data: JsonObject })
        .filter((record) => record.stream === stream)
        .map(({ data }) => data);
      const truth = tenant.readTruth()[stream];
      expect(truth.size).toBeGreaterThan(1_000);
      expect(compare(stream, records, truth)).toEqual(exact);
    },
  );

  it('shows no secret, though the token may read them all', () => {
    expect(findSecrets(ended.stdout + ended.stderr)).toEqual([]);
  });

  it('earns no 429 and asks only what it needs', () => {
    const { rateLimited, requests } = tenant.readStatistics();
    expect(rateLimited).toBe(0);
    // 11 of clients, 12 of organizations, 1,222 of members, 1 of roles, and 31 pages of users with what the tie costs.
    expect(requests).toBeLessThan(1.03 * (11 + 12 + 1_222 + 1 + 31) + 5);
  });
});
