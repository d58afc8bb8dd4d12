import {
  addSample,
  estimateRequestRate,
  formatProgressLine,
  keepLastKnown,
  type RequestSample,
} from '../../../src/commands/terminal/live-progress';
import { formatFailureLines, formatResultJson, formatResultTable } from '../../../src/commands/terminal/status-text';
import { zeroCounts } from '../../../src/streams/counts';
import type { StreamProgress, StreamResult, SyncResult } from '../../../src/workflows/contract';

function standing(
  stream: string,
  status: StreamProgress['status'],
  delivered: number,
  more: Partial<StreamProgress> = {},
): StreamProgress {
  return { stream, status, delivered, counts: zeroCounts, ...more };
}

function ended(stream: string, verdict: string, more: Partial<StreamResult> = {}): StreamResult {
  const status = verdict.startsWith('complete') ? 'complete' : 'incomplete';
  return { stream, status, records: 0, seconds: 0, counts: zeroCounts, audit: [], verdict, ...more };
}

function sync(verdict: string, streams: StreamResult[]): SyncResult {
  return { run: 'r', status: 'partial', verdict, streams };
}

describe('the line of progress', () => {
  it('tells what has changed only, and nothing of streams that have not begun', () => {
    const first = [standing('clients', 'running', 0), standing('users', 'running', 100)];
    expect(formatProgressLine([], first)).toBe('users 100…');
    const second = [standing('clients', 'complete', 8), standing('users', 'incomplete', 100)];
    expect(formatProgressLine(first, second)).toBe('clients 8 · users 100 (incomplete)');
    expect(formatProgressLine(second, second)).toBe('');
  });

  it('is broken before column 80', () => {
    const names = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];
    const lines = formatProgressLine(
      [],
      names.map((name) => standing(name, 'complete', 1_234_567)),
    ).split('\n');
    expect(lines).toEqual([
      'clients 1234567 · users 1234567 · organizations 1234567',
      'organization_members 1234567 · organization_member_roles 1234567',
    ]);
  });
});

describe('beside what has changed, the line of progress tells', () => {
  const running = (requestsLeft?: number): StreamProgress =>
    standing('users', 'running', 100, requestsLeft === undefined ? {} : { requestsLeft });

  it('how fast it goes', () => {
    expect(formatProgressLine([], [running()], 16.23)).toBe('users 100… · 16 requests/s');
    expect(formatProgressLine([], [running()], 0.204)).toBe('users 100… · 0.2 requests/s');
  });

  it('the scarcest budget', () => {
    const [plenty, scarce] = [
      { remaining: 3, limit: 5 },
      { remaining: 12, limit: 50, perSecond: 16 },
    ];
    const streams = [
      standing('clients', 'running', 8, { pace: plenty }),
      standing('users', 'running', 100, { pace: scarce }),
    ];
    expect(formatProgressLine([], streams)).toBe('clients 8… · users 100… · budget 12/50');
  });

  it.each([
    [1, 1, '10 s'],
    [44, 2, '30 s'],
    [111, 2, '1 min'],
    [1_800, 10, '3 min'],
    [80_000, 10, '2.2 h'],
  ])('that %d requests at %d a second take about %s', (left, rate, text) => {
    const line = formatProgressLine([], [running(left)], rate);
    expect(line).toBe(`users 100… · ${rate} requests/s · about ${text} left`);
  });

  it('when it will end only when every stream tells what is left of it', () => {
    const done = standing('clients', 'complete', 8);
    expect(formatProgressLine([], [done, running(60)], 1)).toContain('about 1 min left');
    expect(
      formatProgressLine([], [standing('organizations', 'running', 0, { requestsLeft: 30 }), running(60)], 1),
    ).toContain('about 2 min left');
    for (const other of ['waiting', 'running'] as const) {
      expect(formatProgressLine([], [standing('organizations', other, 0), running(60)], 1)).not.toContain('left');
    }
    expect(formatProgressLine([], [running(0)], 1)).not.toContain('left');
    expect(formatProgressLine([], [running(60)])).toBe('users 100…');
  });

  it('until when a stream waits: once, and again when it goes on', () => {
    const until = new Date(2026, 0, 31, 9, 5, 6).getTime();
    const waits = [standing('users', 'running', 0, { waitingUntil: until - 400 })];
    expect(formatProgressLine([standing('users', 'running', 0)], waits)).toBe(
      "users 0 waits for Auth0's limit until 09:05:06",
    );
    const pace = { remaining: 0, limit: 5 };
    const allWait = waits.map((each) => ({ ...each, pace, requestsLeft: 3 }));
    expect(formatProgressLine([], allWait, 0.1)).toBe(
      "users 0 waits for Auth0's limit until 09:05:06 · about 30 s left",
    );
    const slightlyLater = [standing('users', 'running', 0, { waitingUntil: until - 300 })];
    expect(formatProgressLine(waits, slightlyLater)).toBe('');
    expect(formatProgressLine(waits, [running()])).toBe('users 100…');
  });

  it('nothing while no stream moves, and nothing of pace once all have ended', () => {
    const pace = { remaining: 3, limit: 5 };
    const stuck = [standing('users', 'running', 100, { pace, requestsLeft: 10 })];
    expect(formatProgressLine([running()], stuck, 2)).toBe('');
    expect(formatProgressLine([running()], [standing('users', 'complete', 110)], 2)).toBe('users 110');
  });

  it('all that on lines of 80 columns at most', () => {
    const names = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];
    const pace = { remaining: 1_000_000, limit: 1_000_000 };
    const waitingUntil = (name: string) => (name === 'users' ? {} : { waitingUntil: 0 });
    const more = { pace, requestsLeft: 1_000_000 };
    const text = formatProgressLine(
      [],
      names.map((name) => standing(name, 'running', 12_345_678, { ...more, ...waitingUntil(name) })),
      16,
    );
    expect(text).toContain('16 requests/s · budget 1000000/1000000');
    expect(text).toMatch(/about 87 h left$/);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('the rate of requests', () => {
  const rates = (looks: [seconds: number, requests: number][]): (number | undefined)[] => {
    let seen: RequestSample[] = [];
    return looks.map(([seconds, requests]) => {
      seen = addSample(seen, { at: seconds * 1_000, requests });
      return estimateRequestRate(seen);
    });
  };

  it('is unknown before any were made, also in a sync that was under way already', () => {
    expect(rates([[0, 0]])).toEqual([undefined]);
    const underWay: [number, number][] = [
      [1, 700],
      [2, 700],
    ];
    expect(rates(underWay)).toEqual([undefined, undefined]);
  });

  it('is that of the last ten seconds', () => {
    const looks = Array.from({ length: 30 }, (_, second): [number, number] => [
      second,
      Math.min(second, 15) * 10 + Math.max(0, second - 15) * 2,
    ]);
    const seen = rates(looks);
    expect([seen[1], seen[15], seen[20], seen[25], seen[29]]).toEqual([10, 10, 6, 2, 2]);
  });

  it('is not misled by slices that tell of many requests at once, seconds apart', () => {
    const looks = Array.from({ length: 61 }, (_, second): [number, number] => [second, Math.floor(second / 15) * 300]);
    expect(new Set(rates(looks).slice(15))).toEqual(new Set([20]));
  });
});

it('a stream that gives no answer for once stands where it stood', () => {
  const before = [standing('clients', 'complete', 8), standing('users', 'running', 100)];
  const now = [
    standing('clients', 'complete', 8),
    standing('users', 'waiting', 0),
    standing('organizations', 'waiting', 0),
  ];
  expect(keepLastKnown(before, now)).toEqual([...before, now[2]]);
});

describe('the result of a sync', () => {
  const missed = 'complete except for 2 users that left meanwhile';
  const streams = [
    ended('clients', 'complete', { records: 8 }),
    ended('users', missed, { records: 1_234_567, counts: { ...zeroCounts, requests: 12_346 }, seconds: 4321.98 }),
    ended('organizations', 'incomplete: Auth0 said no. Ask again.'),
    ended('organization_member_roles', 'incomplete: Auth0 said no. Ask again.', { records: 987_654_321 }),
  ];
  const result = sync('incomplete: organizations: Auth0 said no. Ask again. organization_member_roles: …', streams);

  it('is a table of 80 columns at most', () => {
    const table = formatResultTable(result, 4321.98).split('\n').slice(0, -2);
    expect(table.at(0)).toMatch(/^┌─.*─┐$/);
    expect(table.at(-1)).toMatch(/^└─.*─┘$/);
    expect(table.filter((line) => line.length > 80)).toEqual([]);
    expect(table.join()).toMatch(/│ users +│ complete +│ +1234567 │ +12346 │ +4322.0 │/);
    expect(table.join()).toMatch(/│ total +│ partial +│ +988888896 │ +12346 │ +4322.0 │/);
  });

  it('has below the table what streams are complete except for, and the verdict on all', () => {
    const endOf = (of: SyncResult) => formatResultTable(of, 1).split('\n').slice(-2);
    expect(endOf(result)).toEqual([
      `users: ${missed}`,
      'total: incomplete: of organizations, organization_member_roles',
    ]);
    const excepted = sync(`complete except for users: ${missed}`, streams.slice(0, 2));
    expect(endOf(excepted)).toEqual([`users: ${missed}`, 'total: complete except for what is said of users']);
    const whole = sync('complete', streams.slice(0, 1));
    expect(endOf(whole)).toEqual([expect.stringMatching('─┘$'), 'total: complete']);
  });

  it('tells of each stream once: why it is incomplete, or what it is complete except for', () => {
    const told = [formatResultTable(result, 1), ...formatFailureLines(result)].join('\n');
    for (const text of [missed, 'Auth0 said no']) expect(told.split(text)).toHaveLength(2);
  });

  it('tells one reason of many streams once', () => {
    const several = [
      ended('clients', 'incomplete: No.'),
      ended('users', 'incomplete: Not now.'),
      ended('organizations', 'incomplete: No.'),
      ended('organization_members', missed),
    ];
    expect(formatFailureLines(sync('incomplete', several))).toEqual([
      'clients, organizations: incomplete: No.',
      'users: incomplete: Not now.',
    ]);
  });

  it('is all there as JSON, on one line', () => {
    const audit = [{ part: 'created_at from the beginning to the end', rows: 3, total: 5 }];
    const failure = { type: 'MissingScope', failureType: 'config_error', exitCode: 4, message: 'No.\nNever.' } as const;
    const full = sync(result.verdict, [ended('users', missed, { audit }), ended('clients', 'incomplete', { failure })]);
    const line = formatResultJson(full, 1.5);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({ event: 'end', seconds: 1.5, ...full });
  });
});
