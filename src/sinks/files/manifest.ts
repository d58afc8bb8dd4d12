import { z } from 'zod';
import { isObject } from '../../json';
import type { StreamState } from '../../protocol';

const dataFileSchema = z.object({
  /** `<run number>-<sequence>.jsonl`, in the stream's folder. */
  name: z.string().regex(/^\d{6,}-\d{6,}\.jsonl$/),
  records: z.int().min(1),
  bytes: z.int().min(1),
});

const contentSchema = z.object({
  files: z.array(dataFileSchema),
  state: z.custom<StreamState>(isObject).exactOptional(),
});

/**
 * Version 1 of a stream's `manifest.json`: the stream's ledger. A file that the manifest does not list is not part of the
 * destination. Files under `pending` become part of it when their run is complete.
 */
export const manifestSchema = z.object({
  version: z.literal(1),
  stream: z.string().min(1),
  namespace: z.string().exactOptional(),
  run: z.string(),
  sequence: z.int().min(-1),
  runNumber: z.int().min(0),
  generation: z.int().min(0),
  complete: z.boolean(),
  current: contentSchema,
  pending: contentSchema.exactOptional(),
});

export type DataFile = z.infer<typeof dataFileSchema>;
export type FilesContent = z.infer<typeof contentSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** The name of the file for a delivery's records. A repeated delivery has the same name. */
export function formatDataFileName(runNumber: number, sequence: number): string {
  return `${padNumber(runNumber)}-${padNumber(sequence)}.jsonl`;
}

function padNumber(number: number): string {
  return String(number).padStart(6, '0');
}

/** The files of the current and of the pending records. */
export function listDataFiles({ current, pending }: Pick<Manifest, 'current' | 'pending'>): DataFile[] {
  return [...current.files, ...(pending?.files ?? [])];
}
