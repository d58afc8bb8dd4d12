import { type CursorResult, parseState, readCursor, readProgress, toStateMessages } from '../airbyte/stream-state';
import type { CommandContext } from '../app/command-context';
import { findConnection } from '../app/connection';
import { openHistorySession } from '../app/session';
import { readStateFile } from '../config/parsed-file';
import { formatSuggestion } from '../config/problems';
import type { Connection } from '../config/project';
import { resolveDestination } from '../config/references';
import { ConfigError, exitCodes } from '../errors';
import type { StreamState } from '../protocol';
import { createFilesStateStore } from '../sinks/files/state-store';
import { createPostgresStateStore } from '../sinks/postgres/state-store';
import type { StateStore, StoredState } from '../sinks/sink';
import { getStream, streams as known } from '../streams/registry';
import { findNewestRun } from '../temporal/sync-run';
import { normaliseTimestamp } from '../timestamp';
import { formatTable } from './terminal/text';

export interface StateFlags {
  /** The project's file. */
  config: string;
  json?: boolean;
  /** Streams that are meant; all when absent. */
  stream?: string[];
}

type StateChanges = Record<string, StreamState | null>;

/** Tells where each stream stands. */
export async function showState(
  name: string,
  { json, stream, ...flags }: StateFlags,
  context: CommandContext,
): Promise<number> {
  const connection = await findConnection(name, flags, context);
  const names = selectStreamNames(stream);
  const held = (await withStateStore(connection, context, (keeper) => keeper.read())).filter((each) =>
    names.includes(each.stream),
  );
  const standing = held.map(summarizeStreamState);
  if (json) {
    context.stdout.write(`${JSON.stringify({ connection: name, streams: standing })}\n`);
  } else {
    const rows = standing.map(({ stream, cursor = noValue, finished, lastRunAt = noValue }) => [
      stream,
      cursor.replace(/\.\d+Z$/, 'Z'),
      finished === undefined ? noValue : finished ? 'end' : 'amid',
      lastRunAt.slice(0, 16).replace('T', ' '),
    ]);
    context.stdout.write(`${formatTable(['stream', 'cursor', 'read', 'last run'], rows, 4)}\n`);
  }
  return exitCodes.ok;
}

/** Prints the state as the array of messages that `read --state` takes. */
export async function exportState(
  name: string,
  { stream, ...flags }: StateFlags,
  context: CommandContext,
): Promise<number> {
  const connection = await findConnection(name, flags, context);
  const names = selectStreamNames(stream);
  const held = (await withStateStore(connection, context, (keeper) => keeper.read())).filter((each) =>
    names.includes(each.stream),
  );
  context.stdout.write(`${JSON.stringify(toStateMessages(held), undefined, 2)}\n`);
  return exitCodes.ok;
}

/** Replaces the state by that of a file; streams that are not in it are read from the beginning. */
export async function importState(
  name: string,
  file: string,
  flags: StateFlags,
  context: CommandContext,
): Promise<number> {
  const states = parseState(await readStateFile('<file>', file, context.cwd));
  for (const [stream, state] of Object.entries(states)) validateState(stream, state, file);
  const all = Object.fromEntries(known.map((each): [string, null] => [each.name, null]));
  return updateStates(name, flags, context, { ...all, ...states });
}

/** Has the next run read a stream from a time on. */
export async function setState(
  name: string,
  { cursor: written, ...flags }: StateFlags & { cursor: string },
  context: CommandContext,
): Promise<number> {
  const cursor = normaliseTimestamp(written);
  if (cursor === undefined) {
    throw new ConfigError(
      '--cursor is not an ISO 8601 date or time',
      '--cursor',
      'Use a form such as 2024-01-31T08:30:00Z.',
    );
  }
  const changes = selectStreamNames(flags.stream).map((stream): [string, StreamState] => {
    const { cursorField } = getStream(stream);
    if (cursorField !== undefined) return [stream, { [cursorField]: cursor }];
    const nextStep = `These have one: ${streamsWithCursor.join(', ')}.`;
    throw new ConfigError(`${stream} has no cursor; every sync reads it completely`, '--stream', nextStep);
  });
  return updateStates(name, flags, context, Object.fromEntries(changes));
}

/** Has the next run read streams from the beginning. */
export function resetState(name: string, flags: StateFlags, context: CommandContext): Promise<number> {
  return updateStates(
    name,
    flags,
    context,
    Object.fromEntries(selectStreamNames(flags.stream).map((stream): [string, null] => [stream, null])),
  );
}

const noValue = '–';
const streamsWithCursor = known.filter(({ cursorField }) => cursorField !== undefined).map(({ name }) => name);

/** @throws ConfigError for a stream that does not exist */
function selectStreamNames(streams: readonly string[] | undefined): string[] {
  const names = known.map(({ name }) => name);
  const unknown = streams?.find((each) => !names.includes(each));
  if (unknown === undefined) return [...(streams ?? names)];
  const what = `--stream: there is no stream ${JSON.stringify(unknown)}${formatSuggestion(unknown, names)}`;
  throw new ConfigError(what, '--stream', `Available streams: ${names.join(', ')}.`);
}

function validateState(stream: string, state: StreamState, file: string): void {
  const names = known.map(({ name }) => name);
  if (!names.includes(stream)) {
    const what = `the state in ${file} contains the unknown stream ${JSON.stringify(stream)}`;
    throw new ConfigError(what, '<file>', `Available streams: ${names.join(', ')}.`);
  }
  const { cursorField } = getStream(stream);
  const reading = cursorField === undefined ? {} : readCursor(state, cursorField);
  if (!('problem' in reading)) return;
  const what = `the state of ${stream} in ${file} cannot be read: ${reading.problem}`;
  throw new ConfigError(what, '<file>', 'Use a state file from `rollcall state export` or from a read.');
}

/** Changes states, unless a run of the connection is under way. */
async function updateStates(
  name: string,
  flags: StateFlags,
  context: CommandContext,
  changes: StateChanges,
): Promise<number> {
  const connection = await findConnection(name, { config: flags.config }, context);
  await rejectRunningSync(connection, context);
  await withStateStore(connection, context, (keeper) => keeper.update(changes));
  const reset = Object.keys(changes).filter((stream) => changes[stream] === null);
  const set = Object.keys(changes).filter((stream) => changes[stream] !== null);
  if (set.length > 0) context.log.info(`State set. The next sync of ${name} resumes from it: ${set.join(', ')}.`);
  if (reset.length > 0)
    context.log.info(`State reset. The next sync of ${name} reads from the beginning: ${reset.join(', ')}.`);
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
  shell: CommandContext,
  work: (keeper: StateStore) => Promise<Result>,
): Promise<Result> {
  const destination = await resolveDestination(connection, shell);
  const keeper =
    destination.kind === 'files' ? createFilesStateStore(destination.folder) : createPostgresStateStore(destination);
  try {
    return await work(keeper);
  } finally {
    await keeper.close();
  }
}

/** Where a stream stands, in words and numbers. */
interface StreamStateSummary {
  stream: string;
  /** ISO 8601: up to there changes are known. */
  cursor?: string;
  /** Absent without a state. */
  finished?: boolean;
  records?: number;
  /** When the newest run began. */
  lastRunAt?: string;
  state?: StreamState;
}

function summarizeStreamState({ stream, run, state }: StoredState): StreamStateSummary {
  const { cursorField } = getStream(stream);
  const reading: CursorResult = state && cursorField !== undefined ? readCursor(state, cursorField) : {};
  const progress = state && readProgress(state);
  const lastRunAt = parseRunTime(run);
  return {
    stream,
    ...('cursor' in reading && { cursor: reading.cursor }),
    ...(state && { finished: progress?.finished ?? true }),
    ...(progress && { records: progress.records }),
    ...(lastRunAt !== undefined && { lastRunAt }),
    ...(state && { state }),
  };
}

/** A run is named after its beginning: `20260301T060000000Z-3f6c2a1b`. */
function parseRunTime(run: string): string | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\d*Z/.exec(run) ?? [];
  return year === undefined ? undefined : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
