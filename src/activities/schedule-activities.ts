import type { Client } from '@temporalio/client';
import { NoSchedule, pauseSchedule } from '../temporal/schedules';
import { findNewestRun } from '../temporal/sync-run';
import type { SyncInput } from '../workflows/contract';
import { toActivityFailure } from './activity-failure';

export interface ScheduleDeps {
  /** What a sync of the connection is to do, by the project's file as it is now. Throws ConfigError. */
  buildSyncInput(connection: string): Promise<SyncInput>;
  client: Client;
}

export interface ScheduleActivities {
  prepareSync(input: { connection: string }): Promise<SyncInput>;
  /** Since when the newest run of the connection is under way, ISO 8601; null when it has ended meanwhile. */
  findRunningSince(input: { connection: string }): Promise<string | null>;
  /** Pauses the connection's schedule, if it still has one. */
  pauseSchedule(input: { connection: string; reason: string }): Promise<void>;
}

/** The activities of a worker that serves schedules. */
export function createScheduleActivities({ buildSyncInput, client }: ScheduleDeps): ScheduleActivities {
  return {
    async prepareSync({ connection }) {
      try {
        return await buildSyncInput(connection);
      } catch (error) {
        throw toActivityFailure(error);
      }
    },
    async findRunningSince({ connection }) {
      const run = await findNewestRun(client, connection);
      return run?.status.name === 'RUNNING' ? run.startTime.toISOString() : null;
    },
    async pauseSchedule({ connection, reason }) {
      try {
        await pauseSchedule(client, connection, reason);
      } catch (error) {
        if (!(error instanceof NoSchedule)) throw error;
      }
    },
  };
}
