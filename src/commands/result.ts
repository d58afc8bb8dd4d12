import type { SyncResult } from '../workflows/contract';
import { exitCodeOf, exitCodes } from './exit';

/** A part is not a whole: success only when every stream is complete. */
export function exitCodeOfResult({ status, streams }: SyncResult): number {
  if (status === 'complete') return exitCodes.ok;
  if (status === 'partial') return exitCodes.partial;
  const codes = new Set(streams.map(({ failure }) => exitCodeOf(failure?.type ?? '')));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : exitCodes.failed;
}
