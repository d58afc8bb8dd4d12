import type { ConnectionCommand } from '../app/command-context';
import { findConnection } from '../app/connection';
import { openHistorySession } from '../app/session';
import { sleep } from '../async';
import { exitCodes } from '../errors';
import type { RunEvent } from '../temporal/run-log';
import type { ControlFlags } from './control-commands';

export interface LogsFlags extends ControlFlags {
  follow?: boolean;
  json?: boolean;
}

/** Prints the events of the latest sync of a connection; with `follow`, until the sync ends. */
export const runLogs: ConnectionCommand<LogsFlags> = async (
  name,
  { follow = false, json = false, ...flags },
  context,
) => {
  const { folder } = await findConnection(name, flags, context);
  const session = await openHistorySession(folder, context);
  const { NoRunKept, readRunLog } = await import('../temporal/run-log.js');
  if (!session) throw new NoRunKept(name);
  const format = json ? formatRunEventJson : formatRunEvent;
  const printed = new Set<string>();
  try {
    for (;;) {
      const { events, retrying, running } = await readRunLog(session.connection.client, name);
      for (const line of [...events, ...retrying].map(format)) {
        if (!printed.has(line)) context.stdout.write(`${line}\n`);
        printed.add(line);
      }
      if (!follow || !running) return exitCodes.ok;
      await sleep(context.intervals.logsMs);
    }
  } finally {
    await session.close();
  }
};

function formatRunEvent({ at, workflow, text }: RunEvent): string {
  const time = `${new Date(at).toISOString().slice(0, 19)}Z`;
  // Summaries of activities start with the stream.
  return `${time}  ${text.startsWith(workflow) ? text : `${workflow} · ${text}`}`;
}

function formatRunEventJson({ at, workflow, text }: RunEvent): string {
  return JSON.stringify({ at: new Date(at).toISOString(), workflow, text });
}
