import { formatRunStatus, formatScheduleStatus } from '../../../src/commands/terminal/status-text';
import { formatMoment, wrapIndented } from '../../../src/commands/terminal/text';
import { zeroCounts } from '../../../src/streams/counts';
import type { ScheduleStatus } from '../../../src/temporal/run-status';

const now = new Date(2026, 0, 31, 12, 0, 0);
const today = (hour: number, minute = 0): string => new Date(2026, 0, 31, hour, minute).toISOString();

it('wraps long texts at words, and keeps words that are too long whole', () => {
  const address = `https://${'x'.repeat(200)}`;
  const lines = wrapIndented(`one two ${'three '.repeat(30)}${address}.`, 4);
  expect(lines.filter((line) => line.length > 80 || /\s$/.test(line))).toEqual([`      ${address}.`]);
  expect(lines[0]).toMatch(/^ {4}one two three/);
  expect(lines[1]).toMatch(/^ {6}three/);
  expect(lines.join(' ').split(/ +/).slice(1)).toEqual(`one two ${'three '.repeat(30)}${address}.`.split(' '));
});

it('shows the date of a moment on another day', () => {
  expect(formatMoment(today(6, 30), now)).toBe('06:30:00');
  expect(formatMoment(new Date(2026, 1, 1, 6, 30).getTime(), now)).toBe('2026-02-01 06:30');
});

it('shows the streams of a running sync and what they wait for', () => {
  const progress = { counts: zeroCounts, delivered: 1_234_567 };
  const lines = formatRunStatus(
    'acme',
    {
      state: 'running',
      startedAt: today(9),
      scheduled: true,
      streams: [
        { ...progress, stream: 'users', status: 'complete' },
        {
          ...progress,
          stream: 'organization_member_roles',
          status: 'running',
          waitingUntil: new Date(2026, 1, 1).getTime(),
        },
      ],
    },
    now,
  );
  expect(lines).toEqual([
    '  sync running since 09:00:00, started by its schedule',
    '    users                      complete     1234567 records',
    '    organization_member_roles  waiting      1234567 records, waiting for the',
    '      rate limit until 2026-02-01 00:00',
  ]);
});

it('shows why a sync is paused, and that no worker responds', () => {
  const base = { startedAt: today(9), scheduled: false };
  expect(
    formatRunStatus('acme', { ...base, state: 'paused', pauseReason: 'the tenant is being moved.', streams: [] }, now),
  ).toEqual([
    '  sync paused, started 09:00:00',
    '    reason: the tenant is being moved',
    '    run `rollcall resume acme` to continue',
  ]);
  expect(formatRunStatus('acme', { ...base, state: 'running' }, now)[0]).toContain('no worker is responding');
  expect(formatRunStatus('acme', undefined, now)[0]).toContain('no sync on record');
});

it('shows how to resume an interrupted sync', () => {
  const run = { state: 'running', startedAt: today(9), scheduled: false } as const;
  expect(formatRunStatus('acme', run, now, true)).toEqual([
    '  sync interrupted, started 09:00:00; run `rollcall sync acme` to resume it',
  ]);
});

it('shows the result of an ended sync', () => {
  const run = { startedAt: today(9), endedAt: today(10), scheduled: false, records: 12 };
  expect(formatRunStatus('acme', { ...run, state: 'complete', verdict: 'complete' }, now)).toEqual([
    '  last sync ended 10:00:00: complete (12 records)',
  ]);
  expect(formatRunStatus('acme', { ...run, state: 'partial', verdict: 'incomplete: of users' }, now)).toEqual([
    '  last sync ended 10:00:00: partial (12 records): incomplete: of users',
  ]);
});

it('shows the next run of a schedule, its counts, and the last runs', () => {
  const schedule: ScheduleStatus = {
    timing: 'every 1h',
    paused: false,
    nextRunAt: today(13),
    pauseAfter: 3,
    skippedRuns: 1_000,
    missedRuns: 2,
    catchUpMs: 3_600_000,
    recentRuns: [
      { dueAt: today(11), outcome: 'running' },
      {
        dueAt: today(10),
        outcome: 'skipped',
        verdict: 'sync/acme was already running',
        blockedByRunSince: today(9, 30),
      },
      { dueAt: today(9), outcome: 'failed', verdict: `incomplete: ${'of this '.repeat(10)}`, records: 0 },
    ],
  };
  const lines = formatScheduleStatus('acme', schedule, now);
  expect(lines.slice(0, 4)).toEqual([
    '  schedule: every 1h; next run 13:00:00',
    '    1000 skipped (previous run still running), 2 missed (more than 1h late)',
    '    11:00:00  running',
    '    10:00:00  skipped: sync/acme was already running, since 09:30:00',
  ]);
  expect(lines[4]).toMatch(/^ {4}09:00:00 {2}failed \(0 records\): incomplete: of this/);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const { nextRunAt: _, ...others } = schedule;
  expect(
    formatScheduleStatus('acme', { ...others, paused: true, pauseReason: '3 consecutive failed runs' }, now).slice(
      0,
      3,
    ),
  ).toEqual([
    '  schedule: every 1h; paused',
    '    reason: 3 consecutive failed runs',
    '    run `rollcall schedule resume acme` to continue',
  ]);
});
