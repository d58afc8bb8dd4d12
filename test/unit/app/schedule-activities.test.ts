import { type Client, ScheduleNotFoundError } from '@temporalio/client';
import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { defaultLimits } from '../../../src/app/sync-input';
import { createScheduleActivities } from '../../../src/app/worker';
import { parseConnection } from '../../../src/config/project';
import { ConfigError } from '../../../src/errors';
import { defaultReadOptions } from '../../../src/streams/fetch-task';
import { streams } from '../../../src/streams/registry';
import type { TemporalConnection } from '../../../src/temporal/connection';
import type { ScheduleActivities } from '../../../src/workflows/contract';

const settings = { domain: 'a.example.com', credentials: {}, destination: { files: 'data' }, streams: ['clients'] };
const connection = parseConnection('acme', settings, streams, '.');

/** A Temporal client with one running sync of acme, and a schedule of acme. */
function createActivities(
  readSyncSettings = () => Promise.resolve({ connection, source: { readOptions: defaultReadOptions } }),
): { activities: ScheduleActivities; paused: string[] } {
  const paused: string[] = [];
  const client = {
    workflow: {
      getHandle: () => ({ describe: async () => ({ status: { name: 'RUNNING' }, startTime: new Date(0) }) }),
    },
    schedule: {
      getHandle: (id: string) => ({
        async pause(reason: string) {
          if (!id.endsWith('acme')) throw new ScheduleNotFoundError('none', id);
          paused.push(`${id}: ${reason}`);
        },
      }),
    },
    workflowService: { countWorkflowExecutions: () => Promise.reject(new Error('unavailable')) },
  } as unknown as Client;
  const temporal = { client, namespace: 'default' } as TemporalConnection;
  const schedules = { settings: { readSyncSettings } as never, limits: defaultLimits };
  return { activities: createScheduleActivities(temporal, 'queue', schedules), paused };
}

it('fails a scheduled sync for good when its connection is invalid', async () => {
  const { activities } = createActivities(() =>
    Promise.reject(new ConfigError('acme is not configured', 'connections', 'Add it.')),
  );
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  const preparing = environment.run(activities.prepareSync, { connection: 'acme' });
  await expect(preparing).rejects.toMatchObject({
    type: 'ConfigError',
    message: 'acme is not configured. Add it.',
    nonRetryable: true,
    details: [{ failureType: 'config_error', exitCode: 2 }],
  });
});

it('prepares a sync that fails when Auth0 rejects its credentials', async () => {
  const { activities } = createActivities();
  expect(await activities.prepareSync({ connection: 'acme' })).toMatchObject({
    connection: 'acme',
    streams: [{ name: 'clients' }],
    sinkQueue: 'queue',
    onRefusedCredentials: 'fail',
  });
});

it('reports since when the newest sync is running, and pauses a schedule, if there is one', async () => {
  const { activities, paused } = createActivities();
  expect(await activities.findRunningSince({ connection: 'acme' })).toBe('1970-01-01T00:00:00.000Z');
  await activities.pauseSchedule({ connection: 'acme', reason: '3 failed runs' });
  await activities.pauseSchedule({ connection: 'other', reason: '3 failed runs' });
  expect(paused).toEqual(['sync/acme: 3 failed runs']);
});
