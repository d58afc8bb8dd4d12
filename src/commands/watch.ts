import { findSync } from '../temporal/sync-run';
import { findConnection } from './connection';
import type { ControlFlags } from './control';
import { follow } from './follow';
import { joinSession } from './session';

/** Shows how a sync under way stands until it ends. Ctrl-C ends the showing only. */
export async function watch(
  name: string,
  { json = false, ...flags }: ControlFlags & { json?: boolean },
): Promise<number> {
  const { folder } = await findConnection(name, flags);
  const session = await joinSession(folder);
  try {
    const run = await findSync(session.connection.client, name);
    const tell = (streams: object): void => {
      process.stdout.write(`${JSON.stringify({ event: 'progress', streams })}\n`);
    };
    return await follow(session, undefined, run, { json, ...(json && { tell }) });
  } finally {
    await session.close();
  }
}
