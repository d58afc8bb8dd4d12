import { createHash } from 'node:crypto';
import type { JsonObject } from '../../json';

/** 64 bits of an id's SHA-256, base64url: enough to tell the rows of one list apart, and nobody's data. */
export function computeFingerprint(row: JsonObject, key: string): string {
  return createHash('sha256')
    .update(row[key] as string)
    .digest()
    .subarray(0, 8)
    .toString('base64url');
}
