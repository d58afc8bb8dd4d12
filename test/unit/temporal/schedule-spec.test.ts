import type { ScheduleSpecDescription } from '@temporalio/client';
import { parseWithSchema } from '../../../src/config/problems';
import { scheduleSettings } from '../../../src/config/schedule-settings';
import { buildScheduleSpec, describeTiming, formatDuration } from '../../../src/temporal/schedule-spec';

const spec = (settings: object, connection = 'acme') =>
  buildScheduleSpec(
    connection,
    parseWithSchema(scheduleSettings, settings, { subject: 'the schedule', nextStep: 'Correct it.' }),
  );

it('gives each connection a fixed offset, spread over the interval', () => {
  const offsets = Array.from({ length: 50 }, (_, place) => spec({ every: '1h' }, `tenant-${place}`)).map(
    ({ intervals }) => intervals?.[0]?.offset as number,
  );
  expect(spec({ every: '1h' })).toEqual(spec({ every: '1h' }));
  expect(offsets.every((offset) => offset >= 0 && offset < 3_600_000 && offset % 1_000 === 0)).toBe(true);
  for (let quarter = 0; quarter < 4; quarter += 1) {
    const within = offsets.filter((offset) => Math.floor(offset / 900_000) === quarter);
    expect(within.length).toBeGreaterThan(4);
  }
});

it('uses a configured jitter instead of the offset', () => {
  expect(spec({ every: '1h', jitter: '5m' })).toEqual({
    intervals: [{ every: 3_600_000, offset: 0 }],
    jitter: 300_000,
  });
  expect(spec({ every: '1h', jitter: '0s' })).toEqual({ intervals: [{ every: 3_600_000, offset: 0 }], jitter: 0 });
  expect(spec({ at: '06:00' }).jitter).toBe(60_000);
  expect(spec({ at: '06:00', jitter: '0s' }).jitter).toBe(0);
});

it('expresses times of day as calendars in their time zone, on the configured days', () => {
  const comment = 'at 06:30 and 18:05 on mon, sun';
  expect(spec({ at: '6:30,18:05', on: 'mon,sun', time_zone: 'Europe/Berlin', jitter: '0s' })).toEqual({
    calendars: [
      { hour: 6, minute: 30, dayOfWeek: ['MONDAY', 'SUNDAY'], comment },
      { hour: 18, minute: 5, dayOfWeek: ['MONDAY', 'SUNDAY'], comment },
    ],
    timezone: 'Europe/Berlin',
    jitter: 0,
  });
  expect(spec({ at: '06:30' }).calendars).toMatchObject([{ dayOfWeek: '*', comment: 'at 06:30' }]);
});

it.each<[ScheduleSpecDescription, string]>([
  [{ intervals: [{ every: 5_400_000, offset: 7_000 }] }, 'every 90m'],
  [{ calendars: [{ comment: 'by cron 0 6 * * *' } as never], timezone: '' }, 'by cron 0 6 * * *'],
  [
    { calendars: [{ comment: 'at 06:30' } as never, { comment: 'at 06:30' } as never], timezone: 'UTC' },
    'at 06:30 (UTC)',
  ],
])('what the server tells of a schedule is said in words', (described, words) => {
  expect(describeTiming(described)).toBe(words);
});

it.each([
  [86_400_000, '1d'],
  [3_600_000, '1h'],
  [5_400_000, '90m'],
  [61_000, '61s'],
  [1_500, '1500ms'],
])('%d ms are %s', (duration, words) => {
  expect(formatDuration(duration)).toBe(words);
});
