import fc from 'fast-check';
import { createUsersKeyset, type KeysetCursor } from '../../../../src/auth0/paging/keyset';
import type { PageNotes } from '../../../../src/auth0/paging/page-step';
import type { SearchScope } from '../../../../src/auth0/paging/user-search';
import type { JsonObject } from '../../../../src/json';
import { type ModelOptions, type ModelUser, SearchModel } from './search-model';

export const epoch = Date.parse('2026-01-01T00:00:00.000Z');
export const iso = (ms: number): string => new Date(ms).toISOString();
export const scope: SearchScope = { key: 'created_at', missing: true };

/** Reads a model to the end; each cursor is serialized as JSON, as in a heartbeat. */
export function read(
  model: SearchModel,
  searchScope: SearchScope = scope,
  between: (model: SearchModel, request: number) => void = () => {},
): { rows: JsonObject[]; repeated: number; notes: Required<PageNotes>; cursors: KeysetCursor[] } {
  const keyset = createUsersKeyset(searchScope);
  const rows: JsonObject[] = [];
  const cursors = [keyset.start()];
  const notes = { missed: 0, ties: 0, splits: 0 };
  let repeated = 0;
  for (let cursor = keyset.start(); ;) {
    const request = keyset.next(cursor);
    if (!request) return { rows, repeated, notes, cursors };
    if (model.requests > 3_000) throw new Error('the search does not end');
    const step = keyset.advance(cursor, model.answer(request));
    cursor = JSON.parse(JSON.stringify(step.cursor)) as KeysetCursor;
    cursors.push(cursor);
    rows.push(...step.fresh);
    repeated += step.repeated;
    for (const note of ['missed', 'ties', 'splits'] as const) notes[note] += step.notes?.[note] ?? 0;
    between(model, model.requests);
  }
}

export const ids = (rows: JsonObject[]): string[] => rows.map((row) => String(row['user_id']));
export const sorted = (list: string[]): string[] => [...list].sort();

export function people(
  count: number,
  key: (i: number) => number | null,
  connections = ['db'],
  name = 'auth0|',
): ModelUser[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${name}${(i * 2_654_435_761).toString(16).padStart(12, '0')}`,
    key: key(i),
    connections: [connections[i % connections.length] ?? 'db'],
  }));
}
export const model = (users: ModelUser[], options: Partial<ModelOptions> = {}): SearchModel =>
  new SearchModel(users, { keyName: 'created_at', ...options });

/** A seeded random generator, so a failing case can be reproduced. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (state * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32;
}

const tie = fc.record({
  size: fc.nat(260),
  gap: fc.integer({ min: 1, max: 5 }),
  connections: fc.integer({ min: 1, max: 3 }),
});
export const population = fc
  .record({
    spread: fc.nat(260),
    ties: fc.array(tie, { maxLength: 3 }),
    big: fc.option(
      fc.record({ size: fc.integer({ min: 1_000, max: 1_400 }), connections: fc.integer({ min: 1, max: 3 }) }),
      {
        nil: undefined,
        freq: 2,
      },
    ),
    missing: fc.nat(130),
  })
  .map(({ spread, ties, big, missing }) => {
    const names = ['db', 'google "x"', 'saml\\y'];
    let at = epoch + 10_000;
    const blocks = [...ties, ...(big ? [{ ...big, gap: 2 }] : [])].map(({ size, gap, connections }, i) => {
      at += gap;
      const key = at;
      return people(size, () => key, names.slice(0, connections), `auth0|t${i}`);
    });
    return [
      ...people(spread, (i) => epoch + i * 7, names),
      ...blocks.flat(),
      ...people(missing, () => null, names, 'waad|a b:c@d.example|'),
    ];
  });
