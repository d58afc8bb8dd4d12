import { readCursor, type CursorReading } from '../airbyte/cursor';
import { parseState, readProgress, stateMessages } from '../airbyte/state';
import { normaliseTimestamp } from '../airbyte/timestamp';
import { ConfigError } from '../config/errors';
import { readStateFile } from '../config/json-file';
import type { Connection } from '../config/project';
import { resolveDestination } from '../config/references';
import { suggestion } from '../config/spelling';
import { createFilesStateKeeper } from '../sinks/files-state';
import { createPostgresStateKeeper } from '../sinks/postgres/state-keeper';
import type { StreamState } from '../sinks/sink';
import type { HeldState, StateKeeper } from '../sinks/state-keeper';
import { streamOf, streams as known } from '../streams/registry';
import { findRun } from '../temporal/sync-run';
import { findConnection } from './connection';
import { exitCodes } from './exit';
import { narrate } from './narration';
import { lookSessionIfAny } from './session';
import { tableOf } from './table';

export interface StateFlags {
  /** The project's file. */
  config: string;
  json?: boolean;
  /** Streams that are meant; all when absent. */
  stream?: string[];
}

type Changes = Record<string, StreamState | null>;

/** Tells where each stream stands. */
export async function showState(name: string, { json, stream, ...flags }: StateFlags): Promise<number> {
  const connection = await findConnection(name, flags);
  const names = chosen(stream);
  const held = (await within(connection, (keeper) => keeper.read())).filter((each) => names.includes(each.stream));
  const standing = held.map(standingOf);
  if (json) {
    process.stdout.write(`${JSON.stringify({ connection: name, streams: standing })}\n`);
  } else {
    const rows = standing.map(({ stream, cursor = none, finished, at = none }) => [
      stream,
      cursor.replace(/\.\d+Z$/, 'Z'),
      finished === undefined ? none : finished ? 'end' : 'amid',
      at.slice(0, 16).replace('T', ' '),
    ]);
    process.stdout.write(`${tableOf(['stream', 'cursor', 'read', 'last run'], rows, 4)}\n`);
  }
  return exitCodes.ok;
}

/** Prints the state as the array of messages that `read --state` takes. */
export async function exportState(name: string, { stream, ...flags }: StateFlags): Promise<number> {
  const connection = await findConnection(name, flags);
  const names = chosen(stream);
  const held = (await within(connection, (keeper) => keeper.read())).filter((each) => names.includes(each.stream));
  process.stdout.write(`${JSON.stringify(stateMessages(held), undefined, 2)}\n`);
  return exitCodes.ok;
}

/** Replaces the state by that of a file; streams that are not in it are read from the beginning. */
export async function importState(name: string, file: string, flags: StateFlags): Promise<number> {
  const states = parseState(await readStateFile('<file>', file));
  for (const [stream, state] of Object.entries(states)) checkState(stream, state, file);
  const all = Object.fromEntries(known.map((each): [string, null] => [each.name, null]));
  return change(name, flags, { ...all, ...states });
}

/** Has the next run read a stream from a time on. */
export async function setState(
  name: string,
  { cursor: written, ...flags }: StateFlags & { cursor: string },
): Promise<number> {
  const cursor = normaliseTimestamp(written);
  if (cursor === undefined) {
    throw new ConfigError('--cursor is no date or time of ISO 8601', '--cursor', 'Write it as 2024-01-31T08:30:00Z.');
  }
  const changes = chosen(flags.stream).map((stream): [string, StreamState] => {
    const { cursorField } = streamOf(stream);
    if (cursorField !== undefined) return [stream, { [cursorField]: cursor }];
    const nextStep = `These have one: ${withCursor.join(', ')}.`;
    throw new ConfigError(`${stream} has no cursor: it is always read as a whole`, '--stream', nextStep);
  });
  return change(name, flags, Object.fromEntries(changes));
}

/** Has the next run read streams from the beginning. */
export function resetState(name: string, flags: StateFlags): Promise<number> {
  return change(name, flags, Object.fromEntries(chosen(flags.stream).map((stream): [string, null] => [stream, null])));
}

const none = '–';
const withCursor = known.filter(({ cursorField }) => cursorField !== undefined).map(({ name }) => name);

/** @throws ConfigError for a stream that does not exist */
function chosen(streams: readonly string[] | undefined): string[] {
  const names = known.map(({ name }) => name);
  const unknown = streams?.find((each) => !names.includes(each));
  if (unknown === undefined) return [...(streams ?? names)];
  const what = `--stream: there is no stream ${JSON.stringify(unknown)}${suggestion(unknown, names)}`;
  throw new ConfigError(what, '--stream', `The streams are: ${names.join(', ')}.`);
}

function checkState(stream: string, state: StreamState, file: string): void {
  const names = known.map(({ name }) => name);
  if (!names.includes(stream)) {
    const what = `the state in ${file} is of a stream ${JSON.stringify(stream)} that there is not`;
    throw new ConfigError(what, '<file>', `The streams are: ${names.join(', ')}.`);
  }
  const { cursorField } = streamOf(stream);
  const reading = cursorField === undefined ? {} : readCursor(state, cursorField);
  if (!('problem' in reading)) return;
  const what = `the state of ${stream} in ${file} cannot be read: ${reading.problem}`;
  throw new ConfigError(what, '<file>', 'Import a state as `rollcall state export` or a read wrote it.');
}

/** Changes states, unless a run of the connection is under way. */
async function change(name: string, flags: StateFlags, changes: Changes): Promise<number> {
  const connection = await findConnection(name, { config: flags.config });
  await refuseUnderWay(connection);
  await within(connection, (keeper) => keeper.change(changes));
  const reset = Object.keys(changes).filter((stream) => changes[stream] === null);
  const set = Object.keys(changes).filter((stream) => changes[stream] !== null);
  if (set.length > 0) narrate(`The next sync of ${name} goes on from the state that was set: ${set.join(', ')}.`);
  if (reset.length > 0) narrate(`The next sync of ${name} reads from the beginning: ${reset.join(', ')}.`);
  return exitCodes.ok;
}

async function refuseUnderWay({ name, folder }: Connection): Promise<void> {
  const session = await lookSessionIfAny(folder);
  if (!session) {
    narrate('No Temporal server is named or was ever run here: it could not be asked whether a sync is under way.');
    return;
  }
  try {
    const run = await findRun(session.connection.client, name);
    if (run?.status.name !== 'RUNNING') return;
  } finally {
    await session.close();
  }
  throw new ConfigError(
    `a sync of ${name} is under way, and would lose its place`,
    name,
    `Wait for its end (\`rollcall sync ${name}\` shows it, or goes on with it), or end it: rollcall cancel ${name}`,
  );
}

async function within<Result>(connection: Connection, work: (keeper: StateKeeper) => Promise<Result>): Promise<Result> {
  const destination = await resolveDestination(connection);
  const keeper =
    destination.kind === 'files' ? createFilesStateKeeper(destination.folder) : createPostgresStateKeeper(destination);
  try {
    return await work(keeper);
  } finally {
    await keeper.close();
  }
}

/** Where a stream stands, in words and numbers. */
interface Standing {
  stream: string;
  /** ISO 8601: up to there changes are known. */
  cursor?: string;
  /** Absent without a state. */
  finished?: boolean;
  records?: number;
  /** When the newest run began. */
  at?: string;
  state?: StreamState;
}

function standingOf({ stream, run, state }: HeldState): Standing {
  const { cursorField } = streamOf(stream);
  const reading: CursorReading = state && cursorField !== undefined ? readCursor(state, cursorField) : {};
  const progress = state && (readProgress(state) ?? { finished: true });
  const at = timeOf(run);
  return {
    stream,
    ...('cursor' in reading && { cursor: reading.cursor }),
    ...progress,
    ...(at !== undefined && { at }),
    ...(state && { state }),
  };
}

/** A run is named after its beginning: `20260301T060000000Z-3f6c2a1b`. */
function timeOf(run: string): string | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\d*Z/.exec(run) ?? [];
  return year === undefined ? undefined : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
