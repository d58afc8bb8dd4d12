import { formatFailureLines, formatResultJson, formatResultTable } from '../../../src/commands/terminal/result-text';
import { zeroCounts } from '../../../src/streams/counts';
import type { StreamResult, SyncResult } from '../../../src/workflows/contract';

function createResult(stream: string, verdict: string, more: Partial<StreamResult> = {}): StreamResult {
  const status = verdict.startsWith('complete') ? 'complete' : 'incomplete';
  return { stream, status, records: 0, seconds: 0, counts: zeroCounts, audit: [], verdict, ...more };
}

function createSyncResult(verdict: string, streams: StreamResult[]): SyncResult {
  return { run: 'r', status: 'partial', verdict, streams };
}

const missed = 'complete except for 2 users that left meanwhile';
const streams = [
  createResult('clients', 'complete', { records: 8 }),
  createResult('users', missed, { records: 1_234_567, counts: { ...zeroCounts, requests: 12_346 }, seconds: 4321.98 }),
  createResult('organizations', 'incomplete: Auth0 said no. Ask again.'),
  createResult('organization_member_roles', 'incomplete: Auth0 said no. Ask again.', { records: 987_654_321 }),
];
const result = createSyncResult(
  'incomplete: organizations: Auth0 said no. Ask again. organization_member_roles: …',
  streams,
);

it('formats a table of at most 80 columns', () => {
  const table = formatResultTable(result, 4321.98).split('\n').slice(0, -2);
  expect(table.at(0)).toMatch(/^┌─.*─┐$/);
  expect(table.at(-1)).toMatch(/^└─.*─┘$/);
  expect(table.filter((line) => line.length > 80)).toEqual([]);
  expect(table.join()).toMatch(/│ users +│ complete +│ +1234567 │ +12346 │ +4322.0 │/);
  expect(table.join()).toMatch(/│ total +│ partial +│ +988888896 │ +12346 │ +4322.0 │/);
});

it('lists exceptions and the total below the table', () => {
  const getLastLines = (result: SyncResult) => formatResultTable(result, 1).split('\n').slice(-2);
  expect(getLastLines(result)).toEqual([
    `users: ${missed}`,
    'total: incomplete (organizations, organization_member_roles)',
  ]);
  const excepted = createSyncResult(`complete except for users: ${missed}`, streams.slice(0, 2));
  expect(getLastLines(excepted)).toEqual([`users: ${missed}`, 'total: complete, with exceptions in users']);
  const whole = createSyncResult('complete', streams.slice(0, 1));
  expect(getLastLines(whole)).toEqual([expect.stringMatching('─┘$'), 'total: complete']);
});

it('explains each stream once', () => {
  const text = [formatResultTable(result, 1), ...formatFailureLines(result)].join('\n');
  for (const reason of [missed, 'Auth0 said no']) expect(text.split(reason)).toHaveLength(2);
});

it('groups streams with the same reason', () => {
  const several = [
    createResult('clients', 'incomplete: No.'),
    createResult('users', 'incomplete: Not now.'),
    createResult('organizations', 'incomplete: No.'),
    createResult('organization_members', missed),
  ];
  expect(formatFailureLines(createSyncResult('incomplete', several))).toEqual([
    'clients, organizations: incomplete: No.',
    'users: incomplete: Not now.',
  ]);
});

it('formats the whole result as JSON on one line', () => {
  const audit = [{ part: 'created_at from the beginning to the end', rows: 3, total: 5 }];
  const failure = { type: 'MissingScope', failureType: 'config_error', exitCode: 4, message: 'No.\nNever.' } as const;
  const full = createSyncResult(result.verdict, [
    createResult('users', missed, { audit }),
    createResult('clients', 'incomplete', { failure }),
  ]);
  const line = formatResultJson(full, 1.5);
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toEqual({ event: 'end', seconds: 1.5, ...full });
});

it('wraps the lines below the table to the width of a terminal', () => {
  const long = createSyncResult(
    'incomplete',
    streams.map((each) => ({ ...each, status: 'incomplete' })),
  );
  expect(
    formatResultTable(long, 1, 80)
      .split('\n')
      .filter((line) => line.length > 80),
  ).toEqual([]);
});
