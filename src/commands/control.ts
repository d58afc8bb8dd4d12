import { processVariables } from '../config/environment';
import { ConfigError } from '../config/errors';
import { readProfile } from '../temporal/profile';
import { cancelSync, pauseSync, resumeSync } from '../temporal/sync-control';
import { findConnection } from './connection';
import { exitCodes } from './exit';
import { narrate } from './progress';
import { openSession } from './session';

export interface ControlFlags {
  /** The project's file. */
  config: string;
}

type Client = Awaited<ReturnType<typeof openSession>>['connection']['client'];

/** Stops the reading of a run at the next page, until it is resumed. */
export function pause(name: string, { reason, ...flags }: ControlFlags & { reason: string }): Promise<number> {
  return control(name, flags, async (client) => {
    const isNew = await pauseSync(client, name, reason);
    narrate(`sync/${name} ${isNew ? 'is paused' : 'was paused already'}. \`rollcall resume ${name}\` goes on.`);
  });
}

export function resume(name: string, flags: ControlFlags): Promise<number> {
  return control(name, flags, async (client) => {
    narrate((await resumeSync(client, name)) ? `sync/${name} goes on.` : `sync/${name} was not paused.`);
  });
}

export function cancel(name: string, flags: ControlFlags): Promise<number> {
  return control(name, flags, async (client) => {
    await cancelSync(client, name);
    narrate(`sync/${name} ends now. What it has copied stays.`);
  });
}

async function control(name: string, flags: ControlFlags, act: (client: Client) => Promise<void>): Promise<number> {
  // Names a connection that does not exist in other words than a run that does not.
  await findConnection(name, flags);
  if (!readProfile(processVariables())) {
    throw new ConfigError(
      'no Temporal server is named, and a sync with a server of its own listens to nobody else',
      'TEMPORAL_ADDRESS',
      'Set it to the server that the sync runs on. A sync with a server of its own stops with Ctrl-C, and goes on with the same command.',
    );
  }
  const session = await openSession({ logDir: '.rollcall' });
  try {
    await act(session.connection.client);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
