import { z } from 'zod';
import { isObject } from '../../json';
import type { ConfiguredStream, StreamState } from '../../protocol';
import type { Delivery } from '../sink';

const streamStateSchema = z.custom<StreamState>(isObject);

const dataFileSchema = z.object({
  /** `<generation>-<sequence>.jsonl`, in the stream's folder. */
  name: z.string().regex(/^\d{6,}-\d{6,}\.jsonl$/),
  records: z.int().min(1),
  bytes: z.int().min(1),
});

const manifestEntrySchema = z.object({
  namespace: z.string().exactOptional(),
  /** The newest run that wrote to the stream, and its newest step; -1 when it has only been announced. */
  run: z.string(),
  sequence: z.int().min(-1),
  /** Number of that run among those of the stream, from 1; names its files. */
  generation: z.int().min(1),
  /** The files that count are a whole copy: the run that wrote the last of them read the stream to its end. */
  complete: z.boolean(),
  files: z.array(dataFileSchema),
  /** State that the files stand for. */
  state: streamStateSchema.exactOptional(),
  /** What an overwriting run has brought so far; takes the place of the above when the run is complete. */
  pending: z.object({ files: z.array(dataFileSchema), state: streamStateSchema.exactOptional() }).exactOptional(),
});

/** Version 1 of a stream's `manifest.json`: the truth about its folder. What it does not list does not count. */
export const manifestSchema = manifestEntrySchema.extend({ version: z.literal(1), stream: z.string().min(1) });

export type DataFile = z.infer<typeof dataFileSchema>;
export type ManifestEntry = z.infer<typeof manifestEntrySchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** Name of the file that a step's records go to; follows from the step's place only. */
export function formatDataFileName(generation: number, sequence: number): string {
  return `${padNumber(generation)}-${padNumber(sequence)}.jsonl`;
}

function padNumber(number: number): string {
  return String(number).padStart(6, '0');
}

/** The entry of a stream once the delivery's run is announced. What an older run left unfinished is dropped. */
export function beginManifestRun(current: ManifestEntry | undefined, { run, stream }: Delivery): ManifestEntry {
  if (current?.run === run) return current;
  const replaces = isOverwriteMode(stream);
  return {
    ...(stream.namespace !== undefined && { namespace: stream.namespace }),
    run,
    sequence: -1,
    generation: (current?.generation ?? 0) + 1,
    complete: replaces && current?.complete === true,
    ...buildManifestContent(current?.files ?? [], current?.state),
    ...(replaces && { pending: { files: [] } }),
  };
}

/** The entry of a stream after a step, whose records are in `file`. */
export function applyDeliveryToManifest(
  current: ManifestEntry | undefined,
  delivery: Delivery,
  file?: DataFile,
): ManifestEntry {
  const { pending, files, state, ...place } = beginManifestRun(current, delivery);
  const { stream, sequence, status } = delivery;
  if (!pending && isOverwriteMode(stream))
    throw new Error(`received a delivery of ${stream.name} after the end of its run`);
  const earlier = pending ?? buildManifestContent(files, state);
  const grown = buildManifestContent(file ? [...earlier.files, file] : earlier.files, delivery.state ?? earlier.state);
  if (!pending || status === 'COMPLETE') {
    return { ...place, sequence, complete: place.complete || status === 'COMPLETE', ...grown };
  }
  const next = { ...place, sequence, ...buildManifestContent(files, state) };
  return status === 'INCOMPLETE' ? next : { ...next, pending: grown };
}

function isOverwriteMode({ destinationSyncMode }: ConfiguredStream): boolean {
  return destinationSyncMode.startsWith('overwrite');
}

function buildManifestContent(
  files: DataFile[],
  state: StreamState | undefined,
): Pick<ManifestEntry, 'files' | 'state'> {
  return { files, ...(state && { state }) };
}

/** Every file of a stream that counts or will count. */
export function listDataFiles({ files, pending }: ManifestEntry): DataFile[] {
  return [...files, ...(pending?.files ?? [])];
}
