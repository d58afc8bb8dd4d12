import type { StreamFailure } from '../sinks/sink';
import type { FetchCounts } from '../streams/counts';
import type { StreamResult } from './contract';

/** What is not in a copy that is whole otherwise: a count, and what to say of it. */
const omissions: { count: keyof FetchCounts; one: string; many: string }[] = [
  {
    count: 'missed',
    one: 'user that was changed or deleted while it was read',
    many: 'users that were changed or deleted while they were read',
  },
  {
    count: 'vanished',
    one: 'organization or member that was deleted after it was listed',
    many: 'organizations or members that were deleted after they were listed',
  },
  {
    count: 'undescribed',
    one: 'role description that the token may not read or whose role is gone',
    many: 'role descriptions that the token may not read (grant read:roles) or whose roles are gone',
  },
  {
    count: 'skippedRecords',
    one: 'record of which Auth0 could send nothing but the key (see _airbyte_meta)',
    many: 'records of which Auth0 could send nothing but the keys (see _airbyte_meta)',
  },
];

/** How whole the copy of a stream is, as a phrase. */
export function formatStreamVerdict(
  status: StreamResult['status'],
  counts: FetchCounts,
  failure: StreamFailure | undefined,
): string {
  if (status === 'incomplete') return `incomplete because ${failure?.message ?? 'it was not read to its end.'}`;
  const missing = omissions
    .filter(({ count }) => counts[count] > 0)
    .map(({ count, one, many }) => `${counts[count]} ${counts[count] === 1 ? one : many}`);
  return missing.length === 0 ? 'complete' : `complete but for ${missing.join(', ')}`;
}

/** How whole the copy of all streams is; streams that have the same to say say it together. */
export function formatRunVerdict(streams: readonly Pick<StreamResult, 'stream' | 'status' | 'verdict'>[]): string {
  const incomplete = streams.filter(({ status }) => status !== 'complete');
  const [told, beginning] =
    incomplete.length > 0 ? [incomplete, 'incomplete because '] : [streams, 'complete but for '];
  const streamsOf = new Map<string, string[]>();
  for (const { stream, verdict } of told) {
    if (verdict.startsWith(beginning)) streamsOf.set(verdict, [...(streamsOf.get(verdict) ?? []), stream]);
  }
  const reasons = [...streamsOf].map(([verdict, names]) => `${names.join(', ')}: ${verdict.slice(beginning.length)}`);
  return reasons.length === 0 ? 'complete' : `${beginning}${reasons.join(incomplete.length > 0 ? ' ' : '; ')}`;
}
