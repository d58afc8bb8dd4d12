import { toActivityFailure } from './activity-failure';

/** @template Input input of the sync workflow, which activities need not know */
export interface ScheduleDeps<Input> {
  /** Builds the input of a sync from the project file as it is now. Throws ConfigError. */
  buildSyncInput(connection: string): Promise<Input>;
  /** When the connection's newest sync started, ISO 8601; null when it is not running. */
  findRunningSince(connection: string): Promise<string | null>;
  /** Pauses the connection's schedule, if it has one. */
  pauseSchedule(connection: string, reason: string): Promise<void>;
}

export interface ScheduleActivities<Input> {
  prepareSync(input: { connection: string }): Promise<Input>;
  /** When the connection's newest sync started, ISO 8601; null when it is not running. */
  findRunningSince(input: { connection: string }): Promise<string | null>;
  /** Pauses the connection's schedule, if it has one. */
  pauseSchedule(input: { connection: string; reason: string }): Promise<void>;
}

/** The activities of a worker that serves schedules. */
export function createScheduleActivities<Input>(deps: ScheduleDeps<Input>): ScheduleActivities<Input> {
  return {
    async prepareSync({ connection }) {
      try {
        return await deps.buildSyncInput(connection);
      } catch (error) {
        throw toActivityFailure(error);
      }
    },
    findRunningSince: ({ connection }) => deps.findRunningSince(connection),
    pauseSchedule: ({ connection, reason }) => deps.pauseSchedule(connection, reason),
  };
}
