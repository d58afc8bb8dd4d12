import type { Environment } from '../config/environment';
import type { Connection } from '../config/project';
import type { SourceConfig } from '../config/source';
import { defined } from '../json';
import type { StreamFailure, StreamSelection } from '../protocol';
import { matchesReadOptions, type ReadOptions } from '../streams/fetch-task';
import { getStream, streams } from '../streams/registry';
import type { PlannedStream, SyncInput, SyncLimits } from '../workflows/contract';

export const defaultLimits: SyncLimits = {
  fetchBudget: { pages: 40, seconds: 8, bytes: 32 * 1024 * 1024 },
  childFetchBudget: { pages: 250, seconds: 60, bytes: 32 * 1024 * 1024 },
  fetchesPerRun: 500,
  concurrency: { min: 4, max: 16 },
  parentsPerBatch: 250,
  rowsPerPartition: { preferred: 5_000, min: 1_000 },
  maxStalledAttempts: 5,
  outageSeconds: 120,
  progressSeconds: 10,
  heartbeatSeconds: 10,
};

/** The limits, with those that the environment sets. */
export function readLimits({
  fetchBudget,
  heartbeatSeconds,
}: Pick<Environment, 'fetchBudget' | 'heartbeatSeconds'>): SyncLimits {
  return {
    ...defaultLimits,
    fetchBudget: { ...defaultLimits.fetchBudget, ...fetchBudget },
    childFetchBudget: { ...defaultLimits.childFetchBudget, ...fetchBudget },
    heartbeatSeconds,
  };
}

/** A sync in terms of streams and options; `createSyncInput` adds what workflows need to know of the streams. */
export interface SyncRequest {
  connection: string;
  streams: StreamSelection[];
  startDate?: string;
  sinkQueue: string;
  limits: SyncLimits;
  readOptions: ReadOptions;
  /** See SyncInput; default `fail`. */
  onRefusedCredentials?: SyncInput['onRefusedCredentials'];
  unknownStreams?: { stream: StreamSelection; failure: StreamFailure }[];
  full?: boolean;
  /** Whether the server knows the attributes of SyncInput; default false. */
  searchAttributes?: boolean;
}

export function createSyncInput({
  streams: selections,
  startDate,
  unknownStreams = [],
  full = false,
  onRefusedCredentials = 'fail',
  searchAttributes = false,
  ...request
}: SyncRequest): SyncInput {
  const planned = selections.map<PlannedStream>((selection) => {
    const { reader, cursorField, orderBy, parent, child } = getStream(selection.name);
    const { sideIndex } = child ?? {};
    const needsIndex = sideIndex && matchesReadOptions(sideIndex.when, request.readOptions);
    return {
      ...selection,
      reader,
      ...(needsIndex && { sideIndex: { name: sideIndex.name, label: sideIndex.label } }),
      ...defined({
        cursorField,
        orderBy,
        parent,
        reading: child?.reading,
        startDate: reader === 'search' ? startDate : undefined,
      }),
    };
  });
  // In the order of the registry, where the streams that need the most scopes come last.
  const order = (name: string): number => streams.findIndex((each) => each.name === name);
  planned.sort((a, b) => order(a.name) - order(b.name));
  return {
    ...request,
    streams: planned,
    unknownStreams,
    full,
    onRefusedCredentials,
    ...(searchAttributes && { searchAttributes }),
  };
}

/** The options of one sync of a connection. */
export type SyncRunOptions = Pick<SyncRequest, 'sinkQueue' | 'limits' | 'onRefusedCredentials' | 'searchAttributes'> & {
  full: boolean;
};

/** The input of a sync of a connection. */
export function createConnectionInput(
  connection: Connection,
  { startDate, readOptions }: Pick<SourceConfig, 'startDate' | 'readOptions'>,
  options: SyncRunOptions,
): SyncInput {
  return createSyncInput({
    connection: connection.name,
    streams: selectStreams(connection, options.full),
    readOptions,
    ...defined({ startDate }),
    ...options,
  });
}

/** Airbyte's destination sync modes. A database stores each record once, files can contain several versions. */
const destinationSyncModes = {
  files: { add: 'append', replace: 'overwrite' },
  postgres: { add: 'append_dedup', replace: 'overwrite_dedup' },
} as const;

/** Incremental streams add to the destination; other streams, and all in a full sync, replace its records. */
export function selectStreams({ streams, destination }: Connection, full: boolean): StreamSelection[] {
  const { add, replace } = destinationSyncModes[destination.kind];
  return streams.map(({ name, syncMode }) => ({
    name,
    syncMode,
    destinationSyncMode: syncMode === 'incremental' && !full ? add : replace,
  }));
}
