import { formatRunStatus, formatScheduleStatus } from '../../../src/commands/terminal/status-text';
import { formatMoment, wrapIndented } from '../../../src/commands/terminal/text';
import { zeroCounts } from '../../../src/streams/counts';
import type { ScheduleStatus } from '../../../src/temporal/run-status';

const now = new Date(2026, 0, 31, 12, 0, 0);
const today = (hour: number, minute = 0): string => new Date(2026, 0, 31, hour, minute).toISOString();

it('long texts are folded at words, and words that are too long stay whole, to be copied', () => {
  const address = `https://${'x'.repeat(200)}`;
  const lines = wrapIndented(`one two ${'three '.repeat(30)}${address}.`, 4);
  expect(lines.filter((line) => line.length > 80 || /\s$/.test(line))).toEqual([`      ${address}.`]);
  expect(lines[0]).toMatch(/^ {4}one two three/);
  expect(lines[1]).toMatch(/^ {6}three/);
  expect(lines.join(' ').split(/ +/).slice(1)).toEqual(`one two ${'three '.repeat(30)}${address}.`.split(' '));
});

it('a moment of another day bears its date', () => {
  expect(formatMoment(today(6, 30), now)).toBe('06:30:00');
  expect(formatMoment(new Date(2026, 1, 1, 6, 30).getTime(), now)).toBe('2026-02-01 06:30');
});

it('a sync under way is told of by stream, with what it waits for', () => {
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
    '    users                      complete     1234567 rows',
    "    organization_member_roles  running      1234567 rows, waits for Auth0's",
    '      limit until 2026-02-01 00:00',
  ]);
});

it('a paused sync says why and what to do; one without workers that nobody answers', () => {
  const base = { startedAt: today(9), scheduled: false };
  expect(
    formatRunStatus('acme', { ...base, state: 'paused', pauseReason: 'the tenant is being moved.', streams: [] }, now),
  ).toEqual([
    '  sync paused, begun 09:00:00',
    '    because the tenant is being moved;',
    '    `rollcall resume acme` goes on',
  ]);
  expect(formatRunStatus('acme', { ...base, state: 'running' }, now)[0]).toContain('no worker answers');
  expect(formatRunStatus('acme', undefined, now)[0]).toContain('no sync is remembered');
});

it('a sync that has ended says how whole it is', () => {
  const ended = { startedAt: today(9), endedAt: today(10), scheduled: false, records: 12 };
  expect(formatRunStatus('acme', { ...ended, state: 'complete', verdict: 'complete' }, now)).toEqual([
    '  last sync ended 10:00:00: complete (12 rows)',
  ]);
  expect(formatRunStatus('acme', { ...ended, state: 'partial', verdict: 'incomplete: of users' }, now)).toEqual([
    '  last sync ended 10:00:00: partial (12 rows): incomplete: of users',
  ]);
});

it('a schedule tells when it is due, what was left out, and how its runs ended', () => {
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
        verdict: 'sync/acme was under way already',
        blockedByRunSince: today(9, 30),
      },
      { dueAt: today(9), outcome: 'failed', verdict: `incomplete: ${'of this '.repeat(10)}`, records: 0 },
    ],
  };
  const lines = formatScheduleStatus('acme', schedule, now);
  expect(lines.slice(0, 4)).toEqual([
    '  schedule: every 1h; next run 13:00:00',
    '    1000 skipped while the one before ran, 2 missed by more than 1h',
    '    11:00:00  running',
    '    10:00:00  skipped: sync/acme was under way already, since 09:30:00',
  ]);
  expect(lines[4]).toMatch(/^ {4}09:00:00 {2}failed \(0 rows\): incomplete: of this/);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const { nextRunAt: _, ...held } = schedule;
  expect(
    formatScheduleStatus('acme', { ...held, paused: true, pauseReason: '3 failed runs in a row' }, now).slice(0, 3),
  ).toEqual([
    '  schedule: every 1h; paused',
    '    because 3 failed runs in a row;',
    '    `rollcall schedule resume acme` goes on',
  ]);
});
