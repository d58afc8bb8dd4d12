import type { Environment } from '../config/environment';
import type { Connection } from '../config/project';
import type { SourceConfig } from '../config/source';
import type { ConfiguredStream, StreamFailure } from '../sinks/sink';
import type { ReadingOptions } from '../streams/options';
import { streamOf, streams } from '../streams/registry';
import type { PlannedStream, SyncInput, SyncLimits } from '../workflows/contract';

export const defaultLimits: SyncLimits = {
  slice: { pages: 40, seconds: 8, bytes: 32 * 1024 * 1024 },
  memberSlice: { pages: 250, seconds: 60, bytes: 32 * 1024 * 1024 },
  slicesPerRun: 500,
  lanes: { least: 4, most: 16 },
  organizationsPerBatch: 250,
  rowsPerSpan: { always: 5_000, least: 1_000 },
  patience: 5,
  outageSeconds: 120,
  heartbeatSeconds: 10,
};

/** The limits as the environment sets them. */
export function limitsOf({ slice, heartbeatSeconds }: Pick<Environment, 'slice' | 'heartbeatSeconds'>): SyncLimits {
  return {
    ...defaultLimits,
    slice: { ...defaultLimits.slice, ...slice },
    memberSlice: { ...defaultLimits.memberSlice, ...slice },
    heartbeatSeconds,
  };
}

/** What a sync is asked to do, before the descriptors are consulted. */
export interface SyncRequest {
  connection: string;
  streams: ConfiguredStream[];
  startDate?: string;
  sinkQueue: string;
  limits: SyncLimits;
  reading: ReadingOptions;
  /** See SyncInput; default `fail`. */
  refusedCredentials?: SyncInput['refusedCredentials'];
  refused?: { stream: ConfiguredStream; failure: StreamFailure }[];
  full?: boolean;
  /** Whether the server knows the attributes of SyncInput; default false. */
  searchAttributes?: boolean;
}

/** Completes a request with what the workflows must know of each stream. */
export function syncInput({
  streams: wanted,
  startDate,
  refused = [],
  full = false,
  refusedCredentials = 'fail',
  searchAttributes = false,
  ...request
}: SyncRequest): SyncInput {
  const planned = wanted.map<PlannedStream>((configured) => {
    const { reach, cursorField, walkedBy } = streamOf(configured.name);
    return {
      ...configured,
      reach,
      ...(cursorField && { cursorField }),
      ...(walkedBy && { walkedBy }),
      ...(startDate && reach === 'search' ? { startDate } : {}),
    };
  });
  // The catalog's order is the descriptors' order, in which the stream that needs the most scopes comes last.
  const order = (name: string): number => streams.findIndex((each) => each.name === name);
  planned.sort((a, b) => order(a.name) - order(b.name));
  return {
    version: 1,
    ...request,
    streams: planned,
    refused,
    full,
    refusedCredentials,
    uniqueRun: true,
    ...(searchAttributes && { searchAttributes }),
  };
}

/** What is decided at the start of a sync of a connection, rather than in the project's file. */
type Start = Pick<SyncRequest, 'sinkQueue' | 'limits' | 'refusedCredentials' | 'searchAttributes'> & { full: boolean };

/** The input of a sync of a connection. */
export function connectionInput(
  connection: Connection,
  { startDate, reading }: Pick<SourceConfig, 'startDate' | 'reading'>,
  start: Start,
): SyncInput {
  return syncInput({
    connection: connection.name,
    streams: configuredStreams(connection, start.full),
    reading,
    ...(startDate === undefined ? {} : { startDate }),
    ...start,
  });
}

/** Airbyte's modes of writing, by what a destination can do: in a database every object stands once. */
const writing = {
  files: { add: 'append', replace: 'overwrite' },
  postgres: { add: 'append_dedup', replace: 'overwrite_dedup' },
} as const;

/**
 * Streams that are read incrementally are added to; the others replace what the destination held, as all do when
 * everything is read again.
 */
export function configuredStreams({ streams, destination }: Connection, full: boolean): ConfiguredStream[] {
  const { add, replace } = writing[destination.kind];
  return streams.map(({ name, syncMode }) => ({
    name,
    syncMode,
    destinationSyncMode: syncMode === 'incremental' && !full ? add : replace,
  }));
}
