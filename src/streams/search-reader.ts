import { usersKeyset, type KeysetCursor, type UsersKeyset } from '../auth0/paging/keyset';
import type { Reader } from './reader';
import type { SearchTask } from './task';

/** Where a search stands. */
export type SearchCursor = {
  /** Upper bound of a frozen search, once the first answer has told the tenant's time. */
  to?: string;
  keyset: KeysetCursor;
};

/**
 * The rows of a search, in the order of the task's key, and at last those without it.
 *
 * A frozen search ends where the tenant's own clock stood at the first answer: what changes while it runs has a later
 * key, and is the next run's.
 */
export function searchReader({ stream, key, from, frozen }: SearchTask): Reader<SearchCursor> {
  const keysetTo = (to: string | undefined): UsersKeyset =>
    usersKeyset({ key, missing: true, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
  return {
    start: () => ({ keyset: keysetTo(undefined).start() }),
    next: ({ to, keyset }) => keysetTo(to).next(keyset),
    advance(cursor, page) {
      const to = frozen ? (cursor.to ?? endOfSecond(page.at)) : undefined;
      const bound = to === undefined ? {} : { to };
      // A saved cursor from the future: there is nothing to read until then, and no reason to give up the place.
      if (to !== undefined && from !== undefined && to < from) {
        return { cursor: { ...bound, keyset: { phase: 'done' } }, outputs: [], repeated: 0 };
      }
      const { cursor: keyset, fresh, repeated } = keysetTo(to).advance(cursor.keyset, page);
      return { cursor: { ...bound, keyset }, outputs: fresh.map((data) => ({ stream, data })), repeated };
    },
    frontier: ({ to, keyset }) => keysetTo(to).frontier(keyset),
  };
}

/** The `Date` header has whole seconds, and the answer may hold rows of the second that it names. */
function endOfSecond(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000 + 999).toISOString();
}
