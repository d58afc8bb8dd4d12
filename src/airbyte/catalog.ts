import { z } from 'zod';
import { RollcallError } from '../errors';
import { isPresent, type JsonObject } from '../json';
import type { StreamSelection, SyncMode } from '../protocol';
import type { AirbyteStream, StreamRef } from './messages';

/** What the catalog contains of a stream. */
export interface StreamDeclaration {
  name: string;
  jsonSchema: JsonObject;
  primaryKey: string[][];
  cursorField?: string;
  syncModes: SyncMode[];
}

/** The configured catalog cannot be used. */
export class CatalogError extends RollcallError {
  readonly failureType = 'config_error';
  constructor(
    what: string,
    /** Path in the catalog, such as `streams[2].sync_id`. */
    readonly where: string,
  ) {
    const form = '{"streams": [{"stream": {"name": …}, "sync_mode": …, "destination_sync_mode": …}, …]}';
    super(`the configured catalog, at ${where}, ${what}.`, `Pass ${form}.`);
  }
}

/** Why one stream of a catalog cannot be read. The others can. */
interface CatalogProblem {
  stream: StreamRef;
  /** What is wrong, and the next step. */
  message: string;
}

/**
 * Builds the catalog that `discover` returns. Every stream can be resumed within a job. The protocol requires
 * `source_defined_cursor` for such a stream (airbyte_protocol.yaml, AirbyteStream).
 */
export function buildCatalog(streams: readonly StreamDeclaration[]): AirbyteStream[] {
  return streams.map(({ name, jsonSchema, syncModes, cursorField, primaryKey }) => ({
    name,
    json_schema: jsonSchema,
    supported_sync_modes: syncModes,
    source_defined_cursor: true,
    ...(cursorField !== undefined && { default_cursor_field: [cursorField] }),
    source_defined_primary_key: primaryKey,
    is_resumable: true,
  }));
}

const configuredStream = z.object({
  stream: z.object({ name: z.string().min(1), namespace: z.string().nullish() }),
  sync_mode: z.unknown().optional(),
  destination_sync_mode: z.string().nullish(),
  sync_id: z.int().nullish(),
  generation_id: z.int().nullish(),
  minimum_generation_id: z.int().nullish(),
});
const configuredCatalog = z.object({ streams: z.array(configuredStream).min(1) });

/**
 * Parses a configured catalog from any caller: with nulls; without schemas, keys and generations; with `incremental` for a
 * stream that supports only full refresh; with unknown destination modes.
 * Throws CatalogError when it is not a catalog. A stream that cannot be read is a problem, and the others are returned.
 */
export function parseConfiguredCatalog(
  json: unknown,
  known: readonly StreamDeclaration[],
): { streams: StreamSelection[]; problems: CatalogProblem[] } {
  const { data, error } = configuredCatalog.safeParse(json);
  if (error) {
    const [issue] = error.issues;
    const where = issue?.path.length ? z.core.toDotPath(issue.path) : 'the top level';
    throw new CatalogError(issue?.code === 'too_small' ? 'is empty' : 'is missing or of the wrong type', where);
  }
  const streams: StreamSelection[] = [];
  const problems: CatalogProblem[] = [];
  for (const [index, entry] of data.streams.entries()) {
    const { name, namespace } = entry.stream;
    if (data.streams.findIndex(({ stream }) => stream.name === name) < index) {
      throw new CatalogError('contains a stream twice', `streams[${index}].stream.name`);
    }
    const descriptor = { name, ...(isPresent(namespace) && { namespace }) };
    const choice = chooseModes(entry, known);
    if (typeof choice === 'string') problems.push({ stream: descriptor, message: choice });
    else streams.push({ ...descriptor, ...choice });
  }
  return { streams, problems };
}

/**
 * The sync_id of every PyAirbyte read (`airbyte/shared/catalog_providers.py`), so it identifies no job: a second read would
 * find every list finished and return nothing. The cost: a second attempt of a platform's first job starts its lists over.
 */
const pyAirbyteSyncId = 1;

/** Returns the modes of an entry, or why its stream cannot be read. */
function chooseModes(
  entry: z.output<typeof configuredStream>,
  known: readonly StreamDeclaration[],
): Omit<StreamSelection, 'name' | 'namespace'> | string {
  const { sync_mode: mode } = entry;
  const declaration = known.find((each) => each.name === entry.stream.name);
  if (!declaration) {
    const names = known.map((each) => each.name).join(', ');
    return `this source has no stream ${JSON.stringify(entry.stream.name)}. Available streams: ${names}. Refresh the source schema and select the streams again.`;
  }
  if (isPresent(mode) && mode !== 'full_refresh' && mode !== 'incremental') {
    return 'its sync_mode must be full_refresh or incremental. Correct it in the configured catalog.';
  }
  return {
    syncMode: mode === 'incremental' && declaration.syncModes.includes(mode) ? mode : 'full_refresh',
    destinationSyncMode: entry.destination_sync_mode ?? 'append',
    ...(isPresent(entry.sync_id) && entry.sync_id !== pyAirbyteSyncId && { syncId: entry.sync_id }),
    ...(isPresent(entry.generation_id) && { generationId: entry.generation_id }),
    ...(isPresent(entry.minimum_generation_id) && { minimumGenerationId: entry.minimum_generation_id }),
  };
}
