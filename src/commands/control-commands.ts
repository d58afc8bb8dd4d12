import type { CommandContext } from '../app/command-context';
import { findConnection } from '../app/connection';
import { joinSession } from '../app/session';
import { exitCodes } from '../errors';
import { cancelSync, pauseSync, resumeSync } from '../temporal/sync-run';

export interface ControlFlags {
  /** The project's file. */
  config: string;
}

type TemporalClient = Awaited<ReturnType<typeof joinSession>>['connection']['client'];

/** Stops the reading of a run at the next page, until it is resumed. */
export function runPause(
  name: string,
  { reason, ...flags }: ControlFlags & { reason: string },
  context: CommandContext,
): Promise<number> {
  return controlRun(name, flags, context, async (client) => {
    const isNew = await pauseSync(client, name, reason);
    context.log.info(
      `sync/${name} ${isNew ? 'is paused' : 'was paused already'}. \`rollcall resume ${name}\` goes on.`,
    );
  });
}

export function runResume(name: string, flags: ControlFlags, context: CommandContext): Promise<number> {
  return controlRun(name, flags, context, async (client) => {
    context.log.info((await resumeSync(client, name)) ? `Resumed sync/${name}.` : `sync/${name} is not paused.`);
  });
}

export function runCancel(name: string, flags: ControlFlags, context: CommandContext): Promise<number> {
  return controlRun(name, flags, context, async (client) => {
    const hasEnded = await cancelSync(client, name);
    context.log.info(
      `sync/${name} ${hasEnded ? 'has ended' : 'ends once a worker attends to it'}. What it has copied stays.`,
    );
  });
}

async function controlRun(
  name: string,
  flags: ControlFlags,
  context: CommandContext,
  act: (client: TemporalClient) => Promise<void>,
): Promise<number> {
  // Names a connection that does not exist in other words than a run that does not.
  const { folder } = await findConnection(name, flags, context);
  const session = await joinSession(context, folder);
  try {
    await act(session.connection.client);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
