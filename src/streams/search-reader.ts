import { usersKeyset, type KeysetCursor, type UsersKeyset } from '../auth0/paging/keyset';
import type { Reader } from './reader';
import type { SearchTask } from './task';

/** Where a search stands. */
export type SearchCursor = {
  /** The tenant's time at the first answer, rounded up to where a frozen search ends. */
  begun?: string;
  keyset: KeysetCursor;
};

/**
 * The rows of a search, in the order of the task's key, and at last those without it. A frozen search ends where the
 * tenant's own clock stood at the first answer; what changes while it runs has a later key, and is the next run's.
 */
export function searchReader({ stream, key, from, frozen }: SearchTask): Reader<SearchCursor> {
  const keysetTo = (to: string | undefined): UsersKeyset =>
    usersKeyset({ key, missing: true, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
  const keysetOf = ({ begun }: Pick<SearchCursor, 'begun'>): UsersKeyset => keysetTo(frozen ? begun : undefined);
  return {
    start: () => ({ keyset: keysetTo(undefined).start() }),
    next: (cursor) => keysetOf(cursor).next(cursor.keyset),
    advance(cursor, page) {
      const begun = cursor.begun ?? endOfSecond(page.at);
      // A saved cursor from the future: there is nothing to read until then, and no reason to give up the place.
      if (frozen && from !== undefined && begun < from) {
        return { cursor: { begun, keyset: { phase: 'done' } }, outputs: [], repeated: 0 };
      }
      const { cursor: keyset, fresh, repeated } = keysetOf({ begun }).advance(cursor.keyset, page);
      return { cursor: { begun, keyset }, outputs: fresh.map((data) => ({ stream, data })), repeated };
    },
    // A search with an open end has delivered what changed until it began, in whatever order, once it is done.
    frontier: (cursor) =>
      frozen ? keysetOf(cursor).frontier(cursor.keyset) : cursor.keyset.phase === 'done' ? cursor.begun : undefined,
  };
}

/** The `Date` header has whole seconds, and the answer may hold rows of the second that it names. */
function endOfSecond(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000 + 999).toISOString();
}
