import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createScheduleActivities } from '../../../src/activities/schedule-activities';
import { ConfigError } from '../../../src/errors';

it('fails a scheduled sync for good when its connection is invalid', async () => {
  const activities = createScheduleActivities({
    buildSyncInput: () => Promise.reject(new ConfigError('acme is not configured', 'connections', 'Add it.')),
    findRunningSince: () => Promise.resolve(null),
    pauseSchedule: () => Promise.resolve(),
  });
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  const preparing = environment.run(activities.prepareSync, { connection: 'acme' });
  await expect(preparing).rejects.toMatchObject({
    type: 'ConfigError',
    message: 'acme is not configured. Add it.',
    nonRetryable: true,
    details: [{ failureType: 'config_error', exitCode: 2 }],
  });
});

it('asks for the running sync and pauses the schedule by connection', async () => {
  const paused: string[] = [];
  const activities = createScheduleActivities({
    buildSyncInput: (connection) => Promise.resolve({ connection }),
    findRunningSince: (connection) => Promise.resolve(`since ${connection}`),
    pauseSchedule: (connection, reason) => Promise.resolve(void paused.push(`${connection}: ${reason}`)),
  });
  expect(await activities.prepareSync({ connection: 'acme' })).toEqual({ connection: 'acme' });
  expect(await activities.findRunningSince({ connection: 'acme' })).toBe('since acme');
  await activities.pauseSchedule({ connection: 'acme', reason: '3 failed runs' });
  expect(paused).toEqual(['acme: 3 failed runs']);
});
