import { parseState, readCursor, readProgress, toStateMessages } from '../airbyte/stream-state';
import type { CommandContext, ConnectionCommand } from '../app/command-context';
import { findConnection } from '../app/connection';
import { openHistorySession } from '../app/session';
import type { ShellContext } from '../config/environment';
import { readStateFile } from '../config/parsed-file';
import { type Connection, rejectUnknownStreams } from '../config/project';
import { resolveDestination } from '../config/references';
import { ConfigError, exitCodes } from '../errors';
import { defined } from '../json';
import type { StreamState } from '../protocol';
import { createFilesStateStore } from '../sinks/files/state-store';
import { createPostgresStateStore } from '../sinks/postgres/state-store';
import type { StateStore, StoredState } from '../sinks/sink';
import { getStream, streams as knownStreams } from '../streams/registry';
import { findNewestRun } from '../temporal/sync-run';
import { normaliseTimestamp } from '../timestamp';
import { formatTable } from './terminal/text';

export interface StateFlags {
  /** Project file. */
  config: string;
  json?: boolean;
  /** Default: all streams. */
  stream?: string[];
}

/** Null resets the state of a stream. */
type StateChanges = Record<string, StreamState | null>;

const allStreams = knownStreams.map(({ name }) => name);
const noValue = '–';

/** Prints the cursor, the progress and the last run of each stream. */
export const showState: ConnectionCommand<StateFlags> = async (
  name,
  { json, ...flags },
  { stdout, log, ...context },
) => {
  const streams = (await readStates(name, flags, context)).map(summarizeState);
  if (json) {
    stdout.write(`${JSON.stringify({ connection: name, streams })}\n`);
    return exitCodes.ok;
  }
  if (streams.length === 0) {
    log.info(`No state saved. Run \`rollcall sync ${name}\` first.`);
    return exitCodes.ok;
  }
  const rows = streams.map(({ stream, cursor = noValue, finished, lastRunAt = noValue }) => [
    stream,
    cursor.replace(/\.\d+Z$/, 'Z'),
    finished === undefined ? noValue : finished ? 'yes' : 'no',
    lastRunAt.slice(0, 16).replace('T', ' '),
  ]);
  stdout.write(`${formatTable(['stream', 'cursor', 'done', 'last run'], rows, 4)}\n`);
  return exitCodes.ok;
};

/** Prints the states as the array of messages that `read --state` accepts. */
export const exportState: ConnectionCommand<StateFlags> = async (name, flags, context) => {
  const states = await readStates(name, flags, context);
  context.stdout.write(`${JSON.stringify(toStateMessages(states), undefined, 2)}\n`);
  return exitCodes.ok;
};

async function readStates(name: string, { stream, config }: StateFlags, shell: ShellContext): Promise<StoredState[]> {
  const connection = await findConnection(name, { config }, shell);
  const selected = selectStreamNames(stream);
  const states = await withStateStore(connection, shell, (store) => store.read());
  return states.filter((state) => selected.includes(state.stream));
}

/** Replaces all states by those of a file; streams that it does not contain are reset. */
export async function importState(
  name: string,
  file: string,
  flags: StateFlags,
  context: CommandContext,
): Promise<number> {
  const states = parseState(await readStateFile('<file>', file, context.cwd));
  rejectUnknownStreams(Object.keys(states), allStreams, `the state in ${file}`);
  for (const [stream, state] of Object.entries(states)) rejectUnreadableState(stream, state, file);
  const reset = Object.fromEntries(allStreams.map((stream): [string, null] => [stream, null]));
  return updateStates(name, flags, context, { ...reset, ...states });
}

/** Sets the cursor from which the next sync reads streams. */
export const setState: ConnectionCommand<StateFlags & { cursor: string }> = async (
  name,
  { cursor: written, ...flags },
  context,
) => {
  const cursor = normaliseTimestamp(written);
  if (cursor === undefined) {
    const nextStep = 'Use a form such as 2024-01-31T08:30:00Z.';
    throw new ConfigError('--cursor is not an ISO 8601 date or time', '--cursor', nextStep);
  }
  const changes = selectStreamNames(flags.stream).map((stream): [string, StreamState] => {
    const { cursorField } = getStream(stream);
    if (cursorField !== undefined) return [stream, { [cursorField]: cursor }];
    const withCursor = knownStreams.filter((each) => each.cursorField !== undefined).map((each) => each.name);
    const nextStep = `Streams with a cursor: ${withCursor.join(', ')}.`;
    throw new ConfigError(`${stream} has no cursor; every sync reads it completely`, '--stream', nextStep);
  });
  return updateStates(name, flags, context, Object.fromEntries(changes));
};

/** Resets streams: the next sync reads them from the beginning. */
export const resetState: ConnectionCommand<StateFlags> = (name, flags, context) => {
  const changes = selectStreamNames(flags.stream).map((stream): [string, null] => [stream, null]);
  return updateStates(name, flags, context, Object.fromEntries(changes));
};

/** @throws ConfigError for an unknown stream */
function selectStreamNames(requested: readonly string[] = allStreams): readonly string[] {
  rejectUnknownStreams(requested, allStreams, '--stream');
  return requested;
}

function rejectUnreadableState(stream: string, state: StreamState, file: string): void {
  const { cursorField } = getStream(stream);
  const cursor = cursorField === undefined ? {} : readCursor(state, cursorField);
  if (!('problem' in cursor)) return;
  const what = `the state of ${stream} in ${file} cannot be read: ${cursor.problem}`;
  throw new ConfigError(what, '<file>', 'Use a state file from `rollcall state export` or from a read.');
}

/** Changes states, unless a sync of the connection is running. */
async function updateStates(
  name: string,
  { config }: StateFlags,
  context: CommandContext,
  changes: StateChanges,
): Promise<number> {
  const connection = await findConnection(name, { config }, context);
  await rejectRunningSync(connection, context);
  await withStateStore(connection, context, (store) => store.update(changes));
  const list = (isReset: boolean): string =>
    Object.keys(changes)
      .filter((stream) => (changes[stream] === null) === isReset)
      .join(', ');
  const [set, reset] = [list(false), list(true)];
  if (set !== '') context.log.info(`State set. The next sync of ${name} resumes from it: ${set}.`);
  if (reset !== '') context.log.info(`State reset. The next sync of ${name} reads from the beginning: ${reset}.`);
  return exitCodes.ok;
}

async function rejectRunningSync({ name, folder }: Connection, context: CommandContext): Promise<void> {
  const session = await openHistorySession(folder, context);
  if (!session) {
    context.log.info(
      'Could not check for a running sync: no Temporal server is configured, and none was ever started here.',
    );
    return;
  }
  try {
    const run = await findNewestRun(session.connection.client, name);
    if (run?.status.name !== 'RUNNING') return;
  } finally {
    await session.close();
  }
  throw new ConfigError(
    `the state of ${name} cannot be changed while a sync is running`,
    name,
    `Wait until the sync ends (\`rollcall sync ${name}\` follows or resumes it), or cancel it with \`rollcall cancel ${name}\`.`,
  );
}

async function withStateStore<Result>(
  connection: Connection,
  shell: ShellContext,
  work: (store: StateStore) => Promise<Result>,
): Promise<Result> {
  const destination = await resolveDestination(connection, shell);
  const store =
    destination.kind === 'files' ? createFilesStateStore(destination.folder) : createPostgresStateStore(destination);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

interface StateSummary {
  stream: string;
  /** ISO 8601. Changes up to it are copied. */
  cursor?: string;
  /** Absent without a state. */
  finished?: boolean;
  records?: number;
  /** Start of the newest run, ISO 8601. */
  lastRunAt?: string;
  state?: StreamState;
}

function summarizeState({ stream, run, state }: StoredState): StateSummary {
  const { cursorField } = getStream(stream);
  const cursor = state && cursorField !== undefined ? readCursor(state, cursorField) : {};
  const progress = state && readProgress(state);
  return {
    stream,
    ...('cursor' in cursor && { cursor: cursor.cursor }),
    ...(state && { finished: progress?.finished ?? true }),
    ...defined({ records: progress?.records, lastRunAt: parseRunTime(run), state }),
  };
}

/** The name of a run starts with its time: `20260301T060000000Z-3f6c2a1b`. */
function parseRunTime(run: string): string | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\d*Z/.exec(run) ?? [];
  return year === undefined ? undefined : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
