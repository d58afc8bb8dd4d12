import { failureLines, progressLine, resultJson, resultTable } from '../../src/commands/progress';
import { noCounts } from '../../src/streams/counts';
import type { StreamProgress, StreamResult, SyncResult } from '../../src/workflows/contract';

function standing(stream: string, status: StreamProgress['status'], delivered: number): StreamProgress {
  return { stream, status, delivered, counts: noCounts };
}

function ended(stream: string, verdict: string, more: Partial<StreamResult> = {}): StreamResult {
  const status = verdict.startsWith('complete') ? 'complete' : 'incomplete';
  return { stream, status, records: 0, seconds: 0, counts: noCounts, audit: [], verdict, ...more };
}

function sync(verdict: string, streams: StreamResult[]): SyncResult {
  return { run: 'r', status: 'partial', verdict, streams };
}

describe('the line of progress', () => {
  it('tells what has changed only, and nothing of streams that have not begun', () => {
    const first = [standing('clients', 'running', 0), standing('users', 'running', 100)];
    expect(progressLine([], first)).toBe('users 100…');
    const second = [standing('clients', 'complete', 8), standing('users', 'incomplete', 100)];
    expect(progressLine(first, second)).toBe('clients 8 · users 100 (incomplete)');
    expect(progressLine(second, second)).toBe('');
  });

  it('is broken before column 80', () => {
    const names = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];
    const lines = progressLine(
      [],
      names.map((name) => standing(name, 'complete', 1_234_567)),
    ).split('\n');
    expect(lines).toEqual([
      'clients 1234567 · users 1234567 · organizations 1234567',
      'organization_members 1234567 · organization_member_roles 1234567',
    ]);
  });
});

describe('the result of a sync', () => {
  const missed = 'complete but for 2 users that left meanwhile';
  const streams = [
    ended('clients', 'complete', { records: 8 }),
    ended('users', missed, { records: 1_234_567, counts: { ...noCounts, requests: 12_346 }, seconds: 4321.98 }),
    ended('organizations', 'incomplete because Auth0 said no. Ask again.'),
    ended('organization_member_roles', 'incomplete because Auth0 said no. Ask again.', { records: 987_654_321 }),
  ];
  const result = sync(
    'incomplete because organizations: Auth0 said no. Ask again. organization_member_roles: …',
    streams,
  );

  it('is a table of 80 columns at most', () => {
    const table = resultTable(result, 4321.98).split('\n').slice(0, -2);
    expect(table.at(0)).toMatch(/^┌─.*─┐$/);
    expect(table.at(-1)).toMatch(/^└─.*─┘$/);
    expect(table.filter((line) => line.length > 80)).toEqual([]);
    expect(table.join()).toMatch(/│ users +│ complete +│ +1234567 │ +12346 │ +4322.0 │/);
    expect(table.join()).toMatch(/│ total +│ partial +│ +988888896 │ +12346 │ +4322.0 │/);
  });

  it('has below the table what streams are complete but for, and the verdict on all', () => {
    const endOf = (of: SyncResult) => resultTable(of, 1).split('\n').slice(-2);
    expect(endOf(result)).toEqual([
      `users: ${missed}`,
      'total: incomplete because of organizations, organization_member_roles',
    ]);
    const excepted = sync(`complete but for users: ${missed}`, streams.slice(0, 2));
    expect(endOf(excepted)).toEqual([`users: ${missed}`, 'total: complete but for what is said of users']);
    const whole = sync('complete', streams.slice(0, 1));
    expect(endOf(whole)).toEqual([expect.stringMatching('─┘$'), 'total: complete']);
  });

  it('tells of each stream once: why it is incomplete, or what it is complete but for', () => {
    const told = [resultTable(result, 1), ...failureLines(result)].join('\n');
    for (const text of [missed, 'Auth0 said no']) expect(told.split(text)).toHaveLength(2);
  });

  it('tells one reason of many streams once', () => {
    const several = [
      ended('clients', 'incomplete because No.'),
      ended('users', 'incomplete because Not now.'),
      ended('organizations', 'incomplete because No.'),
      ended('organization_members', missed),
    ];
    expect(failureLines(sync('incomplete', several))).toEqual([
      'clients, organizations: incomplete because No.',
      'users: incomplete because Not now.',
    ]);
  });

  it('is all there as JSON, on one line', () => {
    const audit = [{ part: 'created_at from the beginning to the end', rows: 3, total: 5 }];
    const failure = { type: 'MissingScope', kind: 'config_error', message: 'No.\nNever.' } as const;
    const full = sync(result.verdict, [ended('users', missed, { audit }), ended('clients', 'incomplete', { failure })]);
    const line = resultJson(full, 1.5);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({ event: 'end', seconds: 1.5, ...full });
  });
});
