import { connectionOf, loadProject } from '../config/project';
import { streams } from '../streams/registry';
import { runStanding, scheduleStanding, type RunStanding, type ScheduleStanding } from '../temporal/standing';
import { dirname } from 'node:path';
import { exitCodes } from './exit';
import { fold } from './lines';
import { lookSession } from './session';
import { runLines, scheduleLines } from './standing-lines';

export interface StatusFlags {
  /** The project's file. */
  config: string;
  json?: boolean;
}

interface Standing {
  connection: string;
  /** Null when the server remembers none. */
  run: RunStanding | null;
  /** Null when there is none. */
  schedule: ScheduleStanding | null;
}

/** Runs of a schedule that are told of. */
const firingsTold = 5;

/** Tells how one connection stands, or all of the project's file. */
export async function status(name: string | undefined, { config, json = false }: StatusFlags): Promise<number> {
  const project = await loadProject(config, streams);
  const names = name === undefined ? [...project.connections.keys()] : [connectionOf(project, name).name];
  const session = await lookSession(dirname(project.file));
  try {
    const { client } = session.connection;
    const connections = await Promise.all(
      names.map<Promise<Standing>>(async (connection) => {
        const [run, schedule] = await Promise.all([
          runStanding(client, connection),
          scheduleStanding(client, connection, firingsTold),
        ]);
        return { connection, run: run ?? null, schedule: schedule ?? null };
      }),
    );
    const now = new Date();
    const lines = json ? [JSON.stringify({ connections })] : connections.flatMap((each) => linesOf(each, now));
    process.stdout.write(`${lines.join('\n')}\n`);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}

function linesOf({ connection, run, schedule }: Standing, now: Date): string[] {
  return [
    connection,
    ...runLines(connection, run ?? undefined, now),
    ...(schedule ? scheduleLines(connection, schedule, now) : fold('no schedule', 2)),
  ];
}
