import type { Client } from '@temporalio/client';
import type { CommandContext, ConnectionCommand } from '../app/command-context';
import { findConnection } from '../app/connection';
import { joinSession } from '../app/session';
import { exitCodes } from '../errors';
import { readRunStatus } from '../temporal/run-status';
import { cancelSync, pauseSync, resumeSync } from '../temporal/sync-run';

export interface ControlFlags {
  /** Project file. */
  config: string;
}

export type PauseFlags = ControlFlags & { reason?: string };

export const defaultPauseReason = 'paused by a user';

/** Pauses a sync. Without a reason, that of an earlier pause remains. */
export const runPause: ConnectionCommand<PauseFlags> = (name, { reason, ...flags }, context) => {
  return controlSync(name, flags, context, async (client) => {
    const isNew = await pauseSync(client, name, reason ?? (await readPauseReason(client, name)));
    return `${isNew ? 'Paused' : 'Already paused:'} sync/${name}. Resume it with \`rollcall resume ${name}\`.`;
  });
};

export const runResume: ConnectionCommand<ControlFlags> = (name, flags, context) => {
  return controlSync(name, flags, context, async (client) => {
    const { wasPaused, pauseReason } = await resumeSync(client, name);
    if (pauseReason !== undefined) {
      return `sync/${name} is still paused: ${pauseReason}. Run \`rollcall resume ${name}\` again to resume it.`;
    }
    return wasPaused ? `Resumed sync/${name}.` : `sync/${name} is not paused.`;
  });
};

export const runCancel: ConnectionCommand<ControlFlags> = (name, flags, context) => {
  return controlSync(name, flags, context, async (client) => {
    const hasEnded = await cancelSync(client, name);
    return hasEnded
      ? `Cancelled sync/${name}. Copied data is kept.`
      : `Requested cancellation of sync/${name}; it takes effect when a worker is running. Copied data is kept.`;
  });
};

async function readPauseReason(client: Client, name: string): Promise<string> {
  const status = await readRunStatus(client, name);
  return (status && 'pauseReason' in status && status.pauseReason) || defaultPauseReason;
}

/** @param act changes the sync; returns what to report */
async function controlSync(
  name: string,
  flags: ControlFlags,
  context: CommandContext,
  act: (client: Client) => Promise<string>,
): Promise<number> {
  // Reports an unknown connection as such.
  const { folder } = await findConnection(name, flags, context);
  const session = await joinSession(folder, context);
  try {
    context.log.info(await act(session.connection.client));
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
