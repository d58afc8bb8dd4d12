import { z } from 'zod';
import { parseWithSchema } from '../../../src/config/problems';
import { scheduleSettings, type ScheduleSettings } from '../../../src/config/schedule-settings';
import { ConfigError } from '../../../src/errors';

const parse = (written: object): ScheduleSettings =>
  parseWithSchema(scheduleSettings, written, { subject: 'the schedule', nextStep: 'Correct it.' });
const hour = 3_600_000;

it.each<[object, object]>([
  [{ every: '1h' }, { every: hour }],
  [{ every: '90 minutes' }, { every: 1.5 * hour }],
  [
    { every: '1d', jitter: '0s', pause_after: 0 },
    { every: 24 * hour, jitter: 0, pause_after: 0 },
  ],
  [
    { every: '1h', overlap: 'buffer_one', catch_up: '2h' },
    { every: hour, overlap: 'buffer_one', catch_up: 2 * hour },
  ],
  [
    { cron: '0 6 * * *', time_zone: 'Europe/Berlin' },
    { cron: '0 6 * * *', time_zone: 'Europe/Berlin' },
  ],
  [{ at: '06:30' }, { at: [{ hour: 6, minute: 30 }] }],
  [
    { at: '6:30, 18:05', on: 'mon,Thursday' },
    {
      at: [
        { hour: 6, minute: 30 },
        { hour: 18, minute: 5 },
      ],
      on: ['mon', 'thu'],
    },
  ],
  [
    { at: ['06:30'], on: ['sat', 'sun'] },
    { at: [{ hour: 6, minute: 30 }], on: ['sat', 'sun'] },
  ],
])('parses %j', (written, read) => {
  expect(parse(written)).toEqual(read);
});

it.each<[object, string]>([
  [{}, 'must contain exactly one of every, cron and at'],
  [{ every: '1h', cron: '0 6 * * *' }, 'must contain exactly one of every, cron and at'],
  [{ every: 3600 }, 'every must be a duration such as 30s'],
  [{ every: 'often' }, 'every must be a duration such as 30s'],
  [{ every: '3 bananas' }, 'every must be a duration such as 30s'],
  [{ every: '-1h' }, 'every must be a duration such as 30s'],
  [{ every: '500ms' }, 'every must be a duration such as 30s'],
  [{ every: '0s' }, 'every must be 1s or longer'],
  [{ every: '1h', catch_up: '1s' }, 'catch_up must be 10s or longer'],
  [{ cron: 'hourly' }, 'cron must be a cron expression such as 0 6 * * *'],
  [{ at: '24:00' }, 'at[0] must be a time of day such as 06:30'],
  [{ at: 630 }, 'at must be a time of day such as 06:30'],
  [{ at: '06:30', on: 'mondays, sometimes' }, 'on[1] must be days of the week: sun, mon'],
  [{ every: '1h', on: 'mon' }, 'on requires at'],
  [{ at: '06:30', time_zone: 'Europe/Nowhere' }, 'time_zone must be a time zone such as Europe/Berlin'],
  [{ at: '06:30', time_zone: '+02:00' }, 'time_zone must be a time zone such as Europe/Berlin'],
  [{ every: '1h', time_zone: 'UTC' }, 'time_zone cannot be combined with every'],
  [{ every: '1h', pause_after: -1 }, 'pause_after must be 0 (never) or more'],
  [{ every: '1h', overlap: 'all' }, 'overlap must be one of skip, buffer_one'],
  [{ every: '1h', evry: '1h' }, 'has the unknown key evry'],
])('rejects %j and explains the problem', (written, words) => {
  expect(() => parse(written)).toThrow(ConfigError);
  expect(() => parse(written)).toThrow(words);
});

it('describes every key for editors', () => {
  const { properties } = z.toJSONSchema(scheduleSettings, { io: 'input' });
  for (const [key, schema] of Object.entries(properties ?? {})) {
    expect({ key, ...(schema as object) }).toMatchObject({ key, description: expect.any(String) as string });
  }
});
