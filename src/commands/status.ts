import { dirname, resolve } from 'node:path';
import type { OptionalConnectionCommand } from '../app/command-context';
import { openHistorySession, type Session } from '../app/session';
import { getConnection, loadProject } from '../config/project';
import { exitCodes } from '../errors';
import { streams } from '../streams/registry';
import { readRunStatus, readScheduleStatus, type RunStatus, type ScheduleStatus } from '../temporal/run-status';
import { formatRunStatus, formatScheduleStatus } from './terminal/status-text';
import { wrapIndented } from './terminal/text';

export interface StatusFlags {
  /** Project file. */
  config: string;
  json?: boolean;
}

interface ConnectionStatus {
  connection: string;
  /** Null when the server has no run on record. */
  run: RunStatus | null;
  /** Null when there is no schedule. */
  schedule: ScheduleStatus | null;
}

/** Latest runs of a schedule to show. */
const maxRunsShown = 5;

/** Prints the status of one connection or of all connections of the project file. */
export const runStatus: OptionalConnectionCommand<StatusFlags> = async (name, { config, json = false }, context) => {
  const project = await loadProject(resolve(context.cwd, config), streams);
  const names = name === undefined ? [...project.connections.keys()] : [getConnection(project, name).name];
  const session = await openHistorySession(dirname(project.file), context);
  try {
    const connections = await Promise.all(names.map((connection) => readConnectionStatus(connection, session)));
    const now = new Date(context.now());
    const lines = json
      ? [JSON.stringify({ connections })]
      : connections.flatMap((each) => formatConnectionStatus(each, now, session?.embedded ?? false));
    context.stdout.write(`${lines.join('\n')}\n`);
    return exitCodes.ok;
  } finally {
    await session?.close();
  }
};

/** @param session undefined when no sync ever ran in the project */
async function readConnectionStatus(connection: string, session: Session | undefined): Promise<ConnectionStatus> {
  if (!session) return { connection, run: null, schedule: null };
  const { client } = session.connection;
  const [run, schedule] = await Promise.all([
    readRunStatus(client, connection),
    readScheduleStatus(client, connection, maxRunsShown),
  ]);
  return { connection, run: run ?? null, schedule: schedule ?? null };
}

/** @param isLocal the server was started to read past syncs, so no worker runs them */
function formatConnectionStatus(
  { connection, run, schedule }: ConnectionStatus,
  now: Date,
  isLocal: boolean,
): string[] {
  return [
    connection,
    ...formatRunStatus(connection, run ?? undefined, now, isLocal),
    ...(schedule ? formatScheduleStatus(connection, schedule, now) : wrapIndented('no schedule', 2)),
  ];
}
