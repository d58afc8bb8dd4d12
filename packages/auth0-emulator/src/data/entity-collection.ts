import type { JsonObject } from '../json';
import { findLowerBound } from './key-index';

/** A position in a list ordered by time and id, as in Auth0's checkpoints. */
export interface KeysetPosition {
  /** Epoch ms. */
  at: number;
  id: string;
}

export interface CollectionRow extends KeysetPosition {
  record: JsonObject;
}

/** Rows after the position, or all. Rows inserted or removed elsewhere do not shift it. */
export function selectRowsAfter<T extends KeysetPosition>(rows: readonly T[], after: KeysetPosition | undefined): readonly T[] {
  if (!after) return rows;
  const start = findLowerBound(rows.length, (index) => {
    const row = rows[index] as T;
    return row.at > after.at || (row.at === after.at && row.id > after.id);
  });
  return rows.slice(start);
}

/** A list of up to about 100,000 entities in order of creation, generated on first use. */
export class EntityCollection {
  private loadedRows: CollectionRow[] | undefined;
  private readonly byId = new Map<string, CollectionRow>();
  private readonly removedIds = new Set<string>();

  constructor(private readonly generate: () => CollectionRow[]) {}

  get rows(): readonly CollectionRow[] {
    return this.load();
  }

  get(id: string): JsonObject | undefined {
    this.load();
    return this.byId.get(id)?.record;
  }

  /** Appends an entity with a distinct timestamp. Throws RangeError for an id that is or was in use: Auth0 never reuses ids. */
  insert(id: string, record: JsonObject, now: number): void {
    const rows = this.load();
    if (this.byId.has(id) || this.removedIds.has(id)) throw new RangeError(`The id ${id} is or was in use`);
    const row = { id, record, at: Math.max(now, (rows.at(-1)?.at ?? 0) + 1) };
    rows.push(row);
    this.byId.set(id, row);
  }

  /** Returns whether the entity exists. */
  replace(id: string, record: JsonObject): boolean {
    this.load();
    const row = this.byId.get(id);
    if (row) row.record = record;
    return row !== undefined;
  }

  /** Returns whether the entity existed. */
  remove(id: string): boolean {
    const rows = this.load();
    const row = this.byId.get(id);
    if (!row) return false;
    rows.splice(rows.indexOf(row), 1);
    this.removedIds.add(id);
    return this.byId.delete(id);
  }

  private load(): CollectionRow[] {
    if (!this.loadedRows) {
      this.loadedRows = this.generate();
      for (const row of this.loadedRows) this.byId.set(row.id, row);
    }
    return this.loadedRows;
  }
}
