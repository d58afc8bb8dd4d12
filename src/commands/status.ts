import { dirname, resolve } from 'node:path';
import type { CommandContext } from '../app/command-context';
import { openHistorySession } from '../app/session';
import { getConnection, loadProject } from '../config/project';
import { exitCodes } from '../errors';
import { streams } from '../streams/registry';
import { readRunStatus, readScheduleStatus, type RunStatus, type ScheduleStatus } from '../temporal/run-status';
import { formatRunStatus, formatScheduleStatus } from './terminal/status-text';
import { wrapIndented } from './terminal/text';

export interface StatusFlags {
  /** The project's file. */
  config: string;
  json?: boolean;
}

interface ConnectionStatus {
  connection: string;
  /** Null when the server remembers none. */
  run: RunStatus | null;
  /** Null when there is none. */
  schedule: ScheduleStatus | null;
}

/** Runs of a schedule that are told of. */
const maxRunsShown = 5;

/** Tells how one connection stands, or all of the project's file. */
export async function runStatus(
  name: string | undefined,
  { config, json = false }: StatusFlags,
  context: CommandContext,
): Promise<number> {
  const project = await loadProject(resolve(context.cwd, config), streams);
  const names = name === undefined ? [...project.connections.keys()] : [getConnection(project, name).name];
  const session = await openHistorySession(context, dirname(project.file));
  try {
    const { client } = session.connection;
    const connections = await Promise.all(
      names.map<Promise<ConnectionStatus>>(async (connection) => {
        const [run, schedule] = await Promise.all([
          readRunStatus(client, connection),
          readScheduleStatus(client, connection, maxRunsShown),
        ]);
        return { connection, run: run ?? null, schedule: schedule ?? null };
      }),
    );
    const now = new Date(context.now());
    const lines = json
      ? [JSON.stringify({ connections })]
      : connections.flatMap((each) => formatConnectionStatus(each, now));
    context.stdout.write(`${lines.join('\n')}\n`);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}

function formatConnectionStatus({ connection, run, schedule }: ConnectionStatus, now: Date): string[] {
  return [
    connection,
    ...formatRunStatus(connection, run ?? undefined, now),
    ...(schedule ? formatScheduleStatus(connection, schedule, now) : wrapIndented('no schedule', 2)),
  ];
}
