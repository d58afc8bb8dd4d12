import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rateLimitPresets } from 'auth0-emulator';
import { requestScenarios } from '../../bench/requests';
import { countDistinct, countRows, lastStates, parseMessages, readRows } from '../../bench/support/compare-rows';
import { compareReaders, type Measured, writeMarkdown } from '../../bench/support/compare-table';
import { calculateMinimumSeconds } from '../../bench/support/minimum-time';
import { noLatencyScenario, noLimitScenario, rateLimitScenarios } from '../../bench/support/rate-limit-scenarios';
import { isFlat } from '../../bench/support/resident-memory';
import { measureSpread } from '../../bench/tenants';

it('docs/benchmarks.md uses the names of the scenarios', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'benchmarks.md'), 'utf8');
  const rateLimits = [...rateLimitScenarios, noLimitScenario, noLatencyScenario].map(({ name }) => name);
  const names = [...rateLimits, ...Object.keys(requestScenarios)];
  expect(names.filter((name) => !page.includes(`\n| ${name}`))).toEqual([]);
});

it('the slowest bucket decides the minimum time', () => {
  const byRoute = { users: { 200: 30, 429: 50 }, members: { 200: 55 }, clients: { 200: 1 } };
  expect(calculateMinimumSeconds({ byRoute }, { global: { size: 50, perSecond: 16 } })).toBeCloseTo(36 / 16);
  expect(calculateMinimumSeconds({ byRoute }, rateLimitPresets.essentials)).toBeCloseTo(35 / (200 / 60));
  expect(calculateMinimumSeconds({ byRoute }, rateLimitPresets.enterprise)).toBeCloseTo(36 / 16);
  expect(calculateMinimumSeconds({ byRoute: { users: { 200: 2 } } }, { global: { size: 50, perSecond: 16 } })).toBe(0);
});

it('measures the spread of the tenants by the median', () => {
  const usual = [8, 10, 30].map((seconds) => ({ name: '', seconds, requests: 1, refused: 0, verdict: 'complete' }));
  expect(measureSpread(usual)).toEqual({ median: 10, last: 3, first: 0.8 });
});

it('memory that grows with the rows is not flat', () => {
  expect(isFlat({ tenths: [100, 120, 140, 160, 180, 200, 220, 240, 260, 280] })).toBe(false);
  expect(isFlat({ tenths: [60, 100, 100, 110, 100, 105, 100, 110, 100, 100] })).toBe(true);
});

it('counts rows that are lost and rows that are delivered again, by stream', () => {
  const member = (user_id: string): { stream: string; data: { user_id: string } } => {
    return { stream: 'organization_members', data: { user_id } };
  };
  // One user is a member of two organizations.
  const count = countRows([member('a'), member('a'), member('b')], [member('a'), member('b'), member('b')]);
  expect(count).toEqual({ expected: 3, delivered: 2, repeated: 1, lostByStream: { organization_members: 1 } });
});

it('counts the rows that remain after a deduplication by keys', () => {
  const rows = ['org_1', 'org_2'].map((org_id) => ({ stream: 'organization_members', data: { org_id, user_id: 'a' } }));
  expect(countDistinct(rows, { organization_members: ['user_id'] })).toBe(1);
  expect(countDistinct(rows, { organization_members: ['org_id', 'user_id'] })).toBe(2);
});

it('reads rows and last states from output that a kill cut short', () => {
  const state = (page: number): object => {
    return { type: 'STATE', state: { stream: { stream_descriptor: { name: 'users' }, stream_state: { page } } } };
  };
  const lines = [
    { type: 'LOG', log: { level: 'INFO', message: 'started' } },
    { type: 'RECORD', record: { stream: 'users', data: { user_id: 'a' } } },
    state(1),
    { stream: 'users', data: { user_id: 'b' } },
    state(2),
  ].map((line) => JSON.stringify(line));
  const messages = parseMessages([...lines, '{"type":"RECORD","rec'].join('\n'));
  expect(readRows(messages).map(({ data }) => data['user_id'])).toEqual(['a', 'b']);
  expect(lastStates(messages)).toEqual([
    { stream: { stream_descriptor: { name: 'users' }, stream_state: { page: 2 } } },
  ]);
});

it('judges a reader by the share of requests that it makes twice', () => {
  const rows = { expected: 1_000, delivered: 750, repeated: 0, lostByStream: { users: 250 } };
  const read = { requests: 100, refused: 0, seconds: 10, exitCode: 0, rows, secrets: 0, errors: [] };
  const killed = (requestsAfter: number): Measured => ({
    name: 'loop',
    read,
    kill: { requestsBefore: 50, requestsAfter, rowsBefore: 500, rowsTwice: 0, lost: 0 },
  });
  const table = compareReaders([killed(50), killed(70), killed(100)]);
  expect(table.find(([label]) => label?.startsWith('killed'))?.slice(1)).toEqual([
    'resumes',
    'resumes in part',
    'starts over',
  ]);
  expect(table.find(([label]) => label?.includes('made twice'))?.slice(1)).toEqual(['0', '20 (40 %)', '50 (100 %)']);
  expect(table.find(([label]) => label?.startsWith('rows lost, of'))?.[1]).toBe('250 (25 %)');
  expect(writeMarkdown(table).split('\n')[1]).toMatch(/^\| -+ (\| -+: )+\|$/);
});
