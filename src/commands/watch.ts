import { findRunningSync } from '../temporal/sync-run';
import { findConnection } from './connection';
import type { ControlFlags } from './control';
import { followRun } from './follow';
import { joinSession } from './session';

/** Shows how a sync under way stands until it ends. Ctrl-C ends the showing only. */
export async function runWatch(
  name: string,
  { json = false, ...flags }: ControlFlags & { json?: boolean },
): Promise<number> {
  const { folder } = await findConnection(name, flags);
  const session = await joinSession(folder);
  try {
    const run = await findRunningSync(session.connection.client, name);
    const onProgress = (streams: object): void => {
      process.stdout.write(`${JSON.stringify({ event: 'progress', streams })}\n`);
    };
    return await followRun(session, undefined, run, { json, ...(json && { onProgress }) });
  } finally {
    await session.close();
  }
}
