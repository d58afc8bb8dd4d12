import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandContext } from '../app/command-context';
import { findConnection } from '../app/connection';
import { openHistorySession } from '../app/session';
import { exitCodes } from '../errors';
import type { RunEvent } from '../temporal/run-log';
import type { ControlFlags } from './control-commands';

export interface LogsFlags extends ControlFlags {
  follow?: boolean;
  json?: boolean;
}

/** How often a run is looked at, ms. */
const logPollMs = 2_000;

/** Prints what happened in the newest run of a connection, a line each; and what happens, until the run has ended. */
export async function runLogs(
  name: string,
  { follow = false, json = false, ...flags }: LogsFlags,
  context: CommandContext,
): Promise<number> {
  const { folder } = await findConnection(name, flags, context);
  const session = await openHistorySession(context, folder);
  try {
    const { readRunLog } = await import('../temporal/run-log.js');
    const told = new Set<string>();
    const tell = (events: readonly RunEvent[]): void => {
      for (const event of events) {
        const line = json ? formatRunEventJson(event) : formatRunEvent(event);
        if (!told.has(line)) context.stdout.write(`${line}\n`);
        told.add(line);
      }
    };
    for (;;) {
      const { events, retrying, running } = await readRunLog(session.connection.client, name);
      tell(events);
      tell(retrying);
      if (!follow || !running) return exitCodes.ok;
      await sleep(logPollMs);
    }
  } finally {
    await session.close();
  }
}

function formatRunEvent({ at, workflow, text }: RunEvent): string {
  const time = `${new Date(at).toISOString().slice(0, 19)}Z`;
  // Summaries of activities begin with their stream.
  return `${time}  ${text.startsWith(workflow) ? text : `${workflow} · ${text}`}`;
}

function formatRunEventJson({ at, workflow, text }: RunEvent): string {
  return JSON.stringify({ at: new Date(at).toISOString(), workflow, text });
}
