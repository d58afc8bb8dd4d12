import { Writable } from 'node:stream';
import {
  formatLiveTable,
  formatPauseLine,
  formatProgressLine,
  keepLastKnown,
} from '../../../src/commands/terminal/live-progress';
import { zeroCounts } from '../../../src/streams/counts';
import type { StreamProgress } from '../../../src/workflows/contract';

const now = new Date(2026, 0, 31, 9, 0, 0);

function formatLine(previous: readonly StreamProgress[], current: readonly StreamProgress[], rate?: number): string {
  return formatProgressLine(previous, current, now, rate);
}

function createProgress(
  stream: string,
  status: StreamProgress['status'],
  delivered: number,
  more: Partial<StreamProgress> = {},
): StreamProgress {
  return { stream, status, delivered, counts: zeroCounts, ...more };
}

describe('formatProgressLine', () => {
  it('shows only streams that have changed, and none without records', () => {
    const first = [createProgress('clients', 'running', 0), createProgress('users', 'running', 100)];
    expect(formatLine([], first)).toBe('users 100…');
    const second = [createProgress('clients', 'complete', 8), createProgress('users', 'incomplete', 100)];
    expect(formatLine(first, second)).toBe('clients 8 · users 100 (incomplete)');
    expect(formatLine(second, second)).toBe('');
  });

  it('breaks lines before column 80', () => {
    const names = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];
    const lines = formatLine(
      [],
      names.map((name) => createProgress(name, 'complete', 1_234_567)),
    ).split('\n');
    expect(lines).toEqual([
      'clients 1234567 · users 1234567 · organizations 1234567',
      'organization_members 1234567 · organization_member_roles 1234567',
    ]);
  });
});

describe('formatProgressLine also shows', () => {
  const running = (requestsLeft?: number): StreamProgress =>
    createProgress('users', 'running', 100, requestsLeft === undefined ? {} : { requestsLeft });

  it('the request rate', () => {
    expect(formatLine([], [running()], 16.23)).toBe('users 100… · 16 requests/s');
    expect(formatLine([], [running()], 0.204)).toBe('users 100… · 0.2 requests/s');
  });

  it('the rate limit with the fewest requests left', () => {
    const [high, low] = [
      { remaining: 3, limit: 5 },
      { remaining: 12, limit: 50, perSecond: 16 },
    ];
    const streams = [
      createProgress('clients', 'running', 8, { pace: high }),
      createProgress('users', 'running', 100, { pace: low }),
    ];
    expect(formatLine([], streams)).toBe('clients 8… · users 100… · rate limit 12/50 left');
  });

  it.each([
    [1, 1, '10 s'],
    [44, 2, '30 s'],
    [111, 2, '1 min'],
    [1_800, 10, '3 min'],
    [80_000, 10, '2.2 h'],
  ])('for %d requests at %d per second about %s', (left, rate, text) => {
    const line = formatLine([], [running(left)], rate);
    expect(line).toBe(`users 100… · ${rate} requests/s · about ${text} left`);
  });

  it('the time left only when it is known for every stream', () => {
    const done = createProgress('clients', 'complete', 8);
    expect(formatLine([], [done, running(60)], 1)).toContain('about 1 min left');
    expect(
      formatLine([], [createProgress('organizations', 'running', 0, { requestsLeft: 30 }), running(60)], 1),
    ).toContain('about 2 min left');
    for (const other of ['waiting', 'running'] as const) {
      expect(formatLine([], [createProgress('organizations', other, 0), running(60)], 1)).not.toContain('left');
    }
    expect(formatLine([], [running(0)], 1)).not.toContain('left');
    expect(formatLine([], [running(60)])).toBe('users 100…');
  });

  it('the end of a wait once, and the stream again when it continues', () => {
    const until = new Date(2026, 0, 31, 9, 5, 6).getTime();
    const waits = [createProgress('users', 'running', 0, { waitingUntil: until - 400 })];
    expect(formatLine([createProgress('users', 'running', 0)], waits)).toBe(
      'users 0 (waiting for the rate limit until 09:05:06)',
    );
    const pace = { remaining: 0, limit: 5 };
    const allWait = waits.map((each) => ({ ...each, pace, requestsLeft: 3 }));
    expect(formatLine([], allWait, 0.1)).toBe('users 0 (waiting for the rate limit until 09:05:06) · about 30 s left');
    const slightlyLater = [createProgress('users', 'running', 0, { waitingUntil: until - 300 })];
    expect(formatLine(waits, slightlyLater)).toBe('');
    expect(formatLine(waits, [running()])).toBe('users 100…');
  });

  it('nothing without a change, and no rate when all streams have ended', () => {
    const pace = { remaining: 3, limit: 5 };
    const unchanged = [createProgress('users', 'running', 100, { pace, requestsLeft: 10 })];
    expect(formatLine([running()], unchanged, 2)).toBe('');
    expect(formatLine([running()], [createProgress('users', 'complete', 110)], 2)).toBe('users 110');
  });

  it('all of it on lines of at most 80 columns', () => {
    const names = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];
    const pace = { remaining: 1_000_000, limit: 1_000_000 };
    const waitingUntil = (name: string) => (name === 'users' ? {} : { waitingUntil: now.getTime() });
    const more = { pace, requestsLeft: 1_000_000 };
    const text = formatLine(
      [],
      names.map((name) => createProgress(name, 'running', 12_345_678, { ...more, ...waitingUntil(name) })),
      16,
    );
    expect(text).toContain('16 requests/s · rate limit 1000000/1000000 left');
    expect(text).toMatch(/about 87 h left$/);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

it('keeps the last progress of a stream that does not respond', () => {
  const before = [createProgress('clients', 'complete', 8), createProgress('users', 'running', 100)];
  const current = [
    createProgress('clients', 'complete', 8),
    createProgress('users', 'waiting', 0),
    createProgress('organizations', 'waiting', 0),
  ];
  expect(keepLastKnown(before, current)).toEqual([...before, current[2]]);
});

it('shows the reason of a pause once', () => {
  const running = [createProgress('users', 'running', 1)];
  const paused = [createProgress('users', 'running', 1, { pauseReason: 'The tenant is being moved.' })];
  const line = 'Paused: The tenant is being moved. Run `rollcall resume` to continue.';
  expect([formatPauseLine(running, paused), formatPauseLine(paused, paused)]).toEqual([line, '']);
});

describe('formatLiveTable', () => {
  const counts = { ...zeroCounts, requests: 7 };
  const streams = [
    createProgress('clients', 'complete', 8, { counts }),
    createProgress('users', 'running', 1_234, { counts, requestsLeft: 3 }),
    createProgress('organizations', 'running', 0, { waitingUntil: now.getTime() + 5_400 }),
    createProgress('organization_members', 'waiting', 0),
  ];
  const format = (columns: number, shown = streams): string[] => {
    const terminal = Object.assign(new Writable(), { columns });
    const state = { workflowId: 'sync/acme', streams: shown, startedAt: now.getTime() - 65_000, now: now.getTime() };
    return formatLiveTable(state, terminal).split('\n');
  };

  it('shows a line per stream with its status and what it waits for', () => {
    expect(format(80)).toEqual([
      'sync/acme · 1:05',
      '  clients               complete      8  7 requests',
      '  users                 reading   1,234  7 requests, 3 left',
      '  organizations         waiting       0  for the rate limit until 09:00:06',
      '  organization_members  waiting       0',
    ]);
  });

  it('cuts wide characters at the width of the terminal', () => {
    const failure = { type: 'X', failureType: 'system_error', exitCode: 1, message: '組織'.repeat(40) } as const;
    const [, line = ''] = format(60, [createProgress('users', 'incomplete', 0, { failure })]);
    expect(line).toMatch(/組…$|織…$/);
    expect([...line].reduce((width, character) => width + (/[組織]/.test(character) ? 2 : 1), 0)).toBeLessThanOrEqual(
      60,
    );
  });
});
