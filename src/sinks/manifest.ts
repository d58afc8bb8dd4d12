import { z } from 'zod';
import { isObject } from '../airbyte/shape';
import type { ConfiguredStream, Delivery, StreamState } from './sink';

const streamState = z.custom<StreamState>(isObject);

const countedFile = z.object({
  /** `<generation>-<sequence>.jsonl`, in the stream's folder. */
  name: z.string().regex(/^\d{6,}-\d{6,}\.jsonl$/),
  records: z.int().min(1),
  bytes: z.int().min(1),
});

const streamEntry = z.object({
  namespace: z.string().exactOptional(),
  /** The newest run that wrote to the stream, and its newest step; -1 when it has only been announced. */
  run: z.string(),
  sequence: z.int().min(-1),
  /** Number of that run among those of the stream, from 1; names its files. */
  generation: z.int().min(1),
  /** The files that count are a whole copy: the run that wrote the last of them read the stream to its end. */
  complete: z.boolean(),
  files: z.array(countedFile),
  /** State that the files stand for. */
  state: streamState.exactOptional(),
  /** What an overwriting run has brought so far; takes the place of the above when the run is complete. */
  pending: z.object({ files: z.array(countedFile), state: streamState.exactOptional() }).exactOptional(),
});

/** Version 1 of a stream's `manifest.json`: the truth about its folder. What it does not list does not count. */
export const manifestSchema = streamEntry.extend({ version: z.literal(1), stream: z.string().min(1) });

export type CountedFile = z.infer<typeof countedFile>;
export type StreamEntry = z.infer<typeof streamEntry>;
export type Manifest = z.infer<typeof manifestSchema>;

/** Name of the file that a step's records go to; follows from the step's place only. */
export function fileNameOf(generation: number, sequence: number): string {
  return `${pad(generation)}-${pad(sequence)}.jsonl`;
}

function pad(number: number): string {
  return String(number).padStart(6, '0');
}

/** The entry of a stream once the delivery's run is announced. What an older run left unfinished is dropped. */
export function beginRun(held: StreamEntry | undefined, { run, stream }: Delivery): StreamEntry {
  if (held?.run === run) return held;
  const replaces = overwrites(stream);
  return {
    ...(stream.namespace !== undefined && { namespace: stream.namespace }),
    run,
    sequence: -1,
    generation: (held?.generation ?? 0) + 1,
    complete: replaces && held?.complete === true,
    ...contentOf(held?.files ?? [], held?.state),
    ...(replaces && { pending: { files: [] } }),
  };
}

/** The entry of a stream after a step, whose records are in `file`. */
export function takeStep(held: StreamEntry | undefined, delivery: Delivery, file?: CountedFile): StreamEntry {
  const { pending, files, state, ...place } = beginRun(held, delivery);
  const { stream, sequence, status } = delivery;
  if (!pending && overwrites(stream)) throw new Error(`a step of ${stream.name} came after the end of its run`);
  const earlier = pending ?? contentOf(files, state);
  const grown = contentOf(file ? [...earlier.files, file] : earlier.files, delivery.state ?? earlier.state);
  if (!pending || status === 'COMPLETE') {
    return { ...place, sequence, complete: place.complete || status === 'COMPLETE', ...grown };
  }
  const next = { ...place, sequence, ...contentOf(files, state) };
  return status === 'INCOMPLETE' ? next : { ...next, pending: grown };
}

function overwrites({ destinationSyncMode }: ConfiguredStream): boolean {
  return destinationSyncMode.startsWith('overwrite');
}

function contentOf(files: CountedFile[], state: StreamState | undefined): Pick<StreamEntry, 'files' | 'state'> {
  return { files, ...(state && { state }) };
}

/** Every file of a stream that counts or will count. */
export function filesOf({ files, pending }: StreamEntry): CountedFile[] {
  return [...files, ...(pending?.files ?? [])];
}
