import fc from 'fast-check';
import type { SearchTask } from '../../../src/streams/fetch-task';
import { createPartition, type Partition, splitPartition } from '../../../src/streams/partition';
import { createSearchEndReader, createSearchReader, type SearchCursor } from '../../../src/streams/search-reader';
import { type ModelUser, SearchModel } from '../auth0/paging/search-model';
import { nothingKnown } from '../../support/page';

const epoch = Date.parse('2026-01-01T00:00:00.000Z');
const whole: SearchTask = { kind: 'search', stream: 'users', key: 'created_at', missing: true };

const userAt = (name: string, key: number | null): ModelUser => ({ id: `auth0|${name}`, key, connections: ['db'] });
const spread = (count: number, gap: number): ModelUser[] =>
  Array.from({ length: count }, (_, nth) => userAt(`s${nth}`, epoch + nth * gap));
const tied = (count: number, at: number): ModelUser[] =>
  Array.from({ length: count }, (_, nth) => userAt(`t${nth}`, epoch + at));
const without = (count: number): ModelUser[] => Array.from({ length: count }, (_, nth) => userAt(`w${nth}`, null));

interface Played {
  delivered: string[];
  missed: number;
  parts: number;
}

/** Reads spans in an order that `draw` (0 to 1) decides, and cuts them where it decides. */
function readSideBySide(model: SearchModel, draw: () => number, change: () => void = () => {}): Played {
  const played: Played = { delivered: [], missed: 0, parts: 1 };
  const spans = [createPartition(whole)];
  while (spans.length > 0) {
    if (model.requests > 2_000) throw new Error('it does not end');
    const place = Math.floor(draw() * spans.length);
    const span = spans[place]!;
    const reader = createSearchReader(span.task as SearchTask);
    const cursor = (span.cursor as SearchCursor | null) ?? reader.start();
    const request = reader.next(cursor);
    if (!request) {
      spans.splice(place, 1);
      continue;
    }
    const step = reader.advance(cursor, model.answer(request), nothingKnown);
    played.delivered.push(...step.outputs.map(({ data }) => data['user_id'] as string));
    played.missed += step.notes?.missed ?? 0;
    const { remainingRange: _, ...kept } = span;
    const remainingRange = reader.readRemainingRange?.(step.cursor);
    const next: Partition = {
      ...kept,
      cursor: structuredClone(step.cursor),
      rows: span.rows + step.rows,
      ...(remainingRange && { remainingRange }),
    };
    const parts = draw() < 0.3 ? splitPartition(next, 2 + Math.floor(draw() * 4), endOf(model)) : [next];
    spans.splice(place, 1, ...parts);
    played.parts += parts.length - 1;
    change();
  }
  return played;
}

function endOf(model: SearchModel): string {
  const reader = createSearchEndReader({ kind: 'search-end', stream: 'users', key: 'created_at' });
  const all = model.users.filter(({ key }) => key !== null).sort((one, other) => other.key! - one.key!);
  const rows = all.slice(0, 1).map(({ key }) => ({ user_id: 'auth0|last', created_at: new Date(key!).toISOString() }));
  return (
    reader.advance(reader.start(), { rows, isBareArray: false, bytes: 0, respondedAt: 0 }, nothingKnown).cursor
      .endKey ?? ''
  );
}

const population = fc
  .record({
    spread: fc.nat(700),
    gap: fc.integer({ min: 1, max: 9 }),
    tied: fc.nat(250),
    at: fc.nat(900),
    without: fc.nat(120),
  })
  .map((drawn) => [...spread(drawn.spread, drawn.gap), ...tied(drawn.tied, drawn.at), ...without(drawn.without)]);

const draws = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
const drawFrom = (stream: Iterator<number, unknown>) => (): number => stream.next().value as number;

it('delivers every user once, however a search is split and in whatever order its partitions are read', () => {
  let parts = 0;
  fc.assert(
    fc.property(population, fc.constantFrom(100, 50), draws, (users, pageCap, stream) => {
      const model = new SearchModel(users, { keyName: 'created_at', pageCap });
      const played = readSideBySide(model, drawFrom(stream));
      expect(played.delivered.sort()).toEqual(users.map(({ id }) => id).sort());
      expect(played.missed).toBe(0);
      parts = Math.max(parts, played.parts);
    }),
    { numRuns: 30 },
  );
  expect(parts).toBeGreaterThan(3);
});

it('delivers every user that stays once, and no user twice, while others are created and deleted', () => {
  fc.assert(
    fc.property(population, draws, (users, stream) => {
      const model = new SearchModel(users, { keyName: 'created_at' });
      const draw = drawFrom(stream);
      const stayed = new Set(users.map(({ id }) => id));
      const everHeld = new Set(stayed);
      let born = 0;
      const { delivered, missed } = readSideBySide(model, draw, () => {
        if (born > 150) return;
        for (let gone = Math.floor(draw() * 4); gone > 0 && model.users.length > 0; gone -= 1) {
          const [user] = model.users.splice(Math.floor(draw() * model.users.length), 1);
          stayed.delete(user!.id);
        }
        const fresh = userAt(`new${(born += 1)}`, epoch + 10_000 + born);
        model.users.push(fresh);
        everHeld.add(fresh.id);
      });
      const set = new Set(delivered);
      expect(set.size).toBe(delivered.length);
      expect([...stayed].filter((id) => !set.has(id))).toEqual([]);
      expect(delivered.filter((id) => !everHeld.has(id))).toEqual([]);
      expect(missed).toBeLessThanOrEqual(users.length - stayed.size);
    }),
    { numRuns: 30 },
  );
});
