import type { Emulator, TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { getStream } from '../../../src/streams/registry';
import { compare, type Comparison, exact } from '../compare-copy';

/** What a copy may be held against. */
export interface Held {
  /** What the tenant held when the copy was begun. */
  before: ReturnType<Emulator['readTruth']>;
  /** Ids that several changes name: their records may differ from what they were before and are now. */
  restless: ReadonlySet<string>;
}

/** What is wrong with a copy that was made between `before` and now. */
export function faultsOf(
  emulator: Emulator,
  { before, restless }: Held,
  stream: TruthStream,
  rows: readonly JsonObject[],
): Comparison {
  const [throughout, ever] = [emulator.listKeysAlwaysPresent()[stream], emulator.listKeysEverPresent()[stream]];
  const { lost, twice } = compare(stream, rows, before[stream]);
  const versions = [before[stream], emulator.readTruth()[stream]];
  const keyOf = keysOf(stream);
  const isAny = (row: JsonObject): boolean =>
    versions.some((truth) => {
      const held = new Map([[keyOf(row).join(','), truth.get(keyOf(row).join(',')) ?? '']]);
      return compare(stream, [row], held).different.length === 0;
    });
  const known = rows.filter((row) => ever.has(keyOf(row).join(',')));
  const comparable = known.filter((row) => !keyOf(row).some((id) => restless.has(id)) && !isUndescribed(row, emulator));
  return {
    lost: lost.filter((key) => throughout.has(key)),
    invented: rows.map((row) => keyOf(row).join(',')).filter((key) => !ever.has(key)),
    twice,
    different: comparable.filter((row) => !isAny(row)).map((row) => keyOf(row).join(',')),
  };
}

/** Expects that a copy holds what the tenant held all the time, nothing that it never held, and nothing twice. */
export function expectHeld(
  emulator: Emulator,
  held: Held,
  rows: Record<string, JsonObject[]>,
  streams: readonly TruthStream[],
  allowed: { twice?: unknown } = {},
): void {
  for (const stream of streams) {
    const faults = faultsOf(emulator, held, stream, rows[stream] ?? []);
    expect({ stream, ...faults }).toEqual({ stream, ...exact, ...allowed });
  }
}

function keysOf(stream: TruthStream): (row: JsonObject) => string[] {
  const fields = getStream(stream).primaryKey.flat();
  return (row) => fields.map((field) => String(row[field]));
}

/** A role that is gone has a description no more; roles that there are have one, if only an empty one. */
function isUndescribed({ id, description }: JsonObject, { tenant }: Emulator): boolean {
  return description === null && tenant.roles.get(id as string) === undefined;
}
