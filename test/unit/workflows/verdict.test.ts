import type { FetchCounts, StreamFailure } from '../../../src/protocol';
import { zeroCounts } from '../../../src/streams/counts';
import { formatRunVerdict, formatStreamVerdict } from '../../../src/workflows/sync-outcome';

const failure: StreamFailure = {
  type: 'Transient',
  failureType: 'transient_error',
  exitCode: 5,
  message: 'Nothing came. Try again.',
};
const verdictWith = (counts: Partial<FetchCounts>): string =>
  formatStreamVerdict('complete', { ...zeroCounts, ...counts }, undefined);
const streamWith = (stream: string, counts: Partial<FetchCounts> = {}) => ({
  stream,
  status: 'complete' as const,
  verdict: verdictWith(counts),
});
const failed = (stream: string) => ({
  stream,
  status: 'incomplete' as const,
  verdict: formatStreamVerdict('incomplete', zeroCounts, failure),
});

describe('the verdict of a stream', () => {
  it('is complete, regardless of the effort of reading', () => {
    const effort = { pages: 9, requests: 20, rows: 800, repeated: 12, restarted: 1, ties: 2, splits: 7 };
    expect(verdictWith(effort)).toBe('complete');
  });

  it.each<[Partial<FetchCounts>, string]>([
    [{ missed: 1 }, '1 user changed or deleted during the read'],
    [{ missed: 2 }, '2 users changed or deleted during the read'],
    [{ vanished: 1 }, '1 object deleted after it was listed'],
    [{ vanished: 30 }, '30 objects deleted after they were listed'],
    [{ undescribed: 1 }, '1 role description not readable (scope missing or role deleted)'],
    [{ undescribed: 4 }, '4 role descriptions not readable (grant read:roles, or the roles were deleted)'],
    [{ skippedRecords: 1 }, '1 record for which Auth0 returned only the key (see _airbyte_meta)'],
    [{ skippedRecords: 2 }, '2 records for which Auth0 returned only the keys (see _airbyte_meta)'],
  ])('is complete except for missing records: %j', (counts, phrase) => {
    expect(verdictWith(counts)).toBe(`complete except for ${phrase}`);
  });

  it('names everything that is missing', () => {
    expect(verdictWith({ missed: 1, undescribed: 1, vanished: 1 })).toBe(
      'complete except for 1 user changed or deleted during the read, ' +
        '1 object deleted after it was listed, ' +
        '1 role description not readable (scope missing or role deleted)',
    );
  });

  it('is incomplete with the failure alone', () => {
    expect(formatStreamVerdict('incomplete', { ...zeroCounts, missed: 5 }, failure)).toBe(
      'incomplete: Nothing came. Try again.',
    );
  });

  it('is incomplete when the stream was not read to the end', () => {
    expect(formatStreamVerdict('incomplete', zeroCounts, undefined)).toBe(
      'incomplete: The stream was not read to the end.',
    );
  });
});

describe('the verdict of a sync', () => {
  it('is complete when every stream is complete, or there is none', () => {
    expect(formatRunVerdict([streamWith('clients'), streamWith('users')])).toBe('complete');
    expect(formatRunVerdict([])).toBe('complete');
  });

  it('names the stream of each missing record', () => {
    const streams = [streamWith('clients'), streamWith('users', { missed: 1 }), streamWith('roles', { vanished: 1 })];
    expect(formatRunVerdict(streams)).toBe(
      'complete except for users: 1 user changed or deleted during the read; ' +
        'roles: 1 object deleted after it was listed',
    );
  });

  it('is incomplete when a stream is, and names it with the reason', () => {
    expect(formatRunVerdict([failed('clients'), streamWith('users', { missed: 1 }), failed('organizations')])).toBe(
      'incomplete: clients, organizations: Nothing came. Try again.',
    );
  });
});
