import type { Emulator, TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { getStream } from '../../../src/streams/registry';
import { compare, type Comparison, exact } from '../compare-copy';

export interface CopyExpectation {
  /** Content of the tenant when the copy started. */
  before: ReturnType<Emulator['readTruth']>;
  /** Ids that several changes name. Their records may equal neither the first nor the last version. */
  unstableIds: ReadonlySet<string>;
}

/** Compares the rows of a copy with the tenant at its start and now. */
export function findCopyErrors(
  emulator: Emulator,
  { before, unstableIds }: CopyExpectation,
  stream: TruthStream,
  rows: readonly JsonObject[],
): Comparison {
  const [throughout, ever] = [emulator.listKeysAlwaysPresent()[stream], emulator.listKeysEverPresent()[stream]];
  const { lost, twice } = compare(stream, rows, before[stream]);
  const versions = [before[stream], emulator.readTruth()[stream]];
  const keyOf = keysOf(stream);
  const isAny = (row: JsonObject): boolean =>
    versions.some((truth) => {
      const expected = new Map([[keyOf(row).join(','), truth.get(keyOf(row).join(',')) ?? '']]);
      return compare(stream, [row], expected).different.length === 0;
    });
  const known = rows.filter((row) => ever.has(keyOf(row).join(',')));
  const comparable = known.filter(
    (row) => !keyOf(row).some((id) => unstableIds.has(id)) && !isUndescribed(row, emulator),
  );
  return {
    lost: lost.filter((key) => throughout.has(key)),
    invented: rows.map((row) => keyOf(row).join(',')).filter((key) => !ever.has(key)),
    twice,
    different: comparable.filter((row) => !isAny(row)).map((row) => keyOf(row).join(',')),
  };
}

/** Expects all rows that existed throughout, no row that never existed, and no row twice. */
export function expectCopy(
  emulator: Emulator,
  expectation: CopyExpectation,
  rows: Record<string, JsonObject[]>,
  streams: readonly TruthStream[],
  allowed: { twice?: unknown } = {},
): void {
  for (const stream of streams) {
    const errors = findCopyErrors(emulator, expectation, stream, rows[stream] ?? []);
    expect({ stream, ...errors }).toEqual({ stream, ...exact, ...allowed });
  }
}

function keysOf(stream: TruthStream): (row: JsonObject) => string[] {
  const fields = getStream(stream).primaryKey.flat();
  return (row) => fields.map((field) => String(row[field]));
}

/** The description of a deleted role is null. Existing roles have one, at least an empty one. */
function isUndescribed({ id, description }: JsonObject, { tenant }: Emulator): boolean {
  return description === null && tenant.roles.get(id as string) === undefined;
}
