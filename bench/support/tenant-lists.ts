import type { JsonObject } from '../../src/json';

export interface ListPage {
  rows: JsonObject[];
  /** Token of the next page. */
  next?: string | undefined;
}

/** The lists of a tenant, page by page, with any client. */
export interface TenantLists {
  clients(page: number): Promise<JsonObject[]>;
  roles(page: number): Promise<JsonObject[]>;
  /** Users of `created_at:[from TO to}`, ordered by `created_at`. */
  users(query: { from: string; to: string; descending?: boolean; size?: number }): Promise<JsonObject[]>;
  organizations(from?: string): Promise<ListPage>;
  members(organization: string, from?: string): Promise<ListPage>;
}

export type Write = (stream: string, rows: JsonObject[]) => void;

const pageSize = 100;

/**
 * Copies a tenant with a simple loop: all lists from start to end, up to `parallel` requests at a time. It cannot resume, and
 * requires that the tenant does not change.
 */
export async function walkTenant(lists: TenantLists, parallel: number, write: Write, only?: string[]): Promise<void> {
  const take = limitConcurrency(parallel);
  const all: Record<string, () => Promise<void>> = {
    clients: () =>
      walkOffsets(
        (page) => take(() => lists.clients(page)),
        (rows) => write('clients', rows),
      ),
    users: () => walkUsers(lists, take, parallel, write),
    organizations: () => walkOrganizations(lists, take, write),
  };
  const walks = Object.keys(all).flatMap((name) => (!only || only.includes(name) ? (all[name] ?? []) : []));
  if (parallel > 1) await Promise.all(walks.map((walk) => walk()));
  else for (const walk of walks) await walk();
}

type RequestLimit = <T>(request: () => Promise<T>) => Promise<T>;

async function walkPages(
  get: (from?: string) => Promise<ListPage>,
  write: (rows: JsonObject[]) => void,
): Promise<void> {
  for (let from: string | undefined, more = true; more;) {
    const { rows, next } = await get(from);
    write(rows);
    from = next;
    more = next !== undefined;
  }
}

async function walkOffsets(
  get: (page: number) => Promise<JsonObject[]>,
  write: (rows: JsonObject[]) => void,
): Promise<void> {
  for (let page = 0, more = true; more; page += 1) {
    const rows = await get(page);
    write(rows);
    more = rows.length === pageSize;
  }
}

/** Users ordered by creation, in `parallel` time ranges of equal length. */
async function walkUsers(lists: TenantLists, take: RequestLimit, parallel: number, write: Write): Promise<void> {
  const all = { from: '1970-01-01T00:00:00.000Z', to: '2100-01-01T00:00:00.000Z' };
  const windows = parallel === 1 ? [all] : await splitUsers();
  await Promise.all(
    windows.map(async ({ from, to }) => {
      let known = new Set<unknown>();
      for (let at = from; ;) {
        const rows = await take(() => lists.users({ from: at, to }));
        write(
          'users',
          rows.filter((row) => !known.has(row['user_id'])),
        );
        known = new Set(rows.map((row) => row['user_id']));
        if (rows.length < pageSize) return;
        at = rows.at(-1)?.['created_at'] as string;
      }
    }),
  );

  async function splitUsers(): Promise<{ from: string; to: string }[]> {
    const [first, last] = await Promise.all(
      [false, true].map((descending) => take(() => lists.users({ ...all, descending, size: 1 }))),
    );
    const [begin = 0, end = 0] = [first, last].map((rows) => Date.parse(rows?.[0]?.['created_at'] as string));
    const instant = (nth: number): string => new Date(begin + ((end + 1 - begin) * nth) / parallel).toISOString();
    return Array.from({ length: parallel }, (_, nth) => ({ from: instant(nth), to: instant(nth + 1) }));
  }
}

async function walkOrganizations(lists: TenantLists, take: RequestLimit, write: Write): Promise<void> {
  await walkOffsets(
    (page) => take(() => lists.roles(page)),
    () => undefined,
  );
  const readMembers = (id: string): Promise<void> =>
    walkPages(
      (from) => take(() => lists.members(id, from)),
      (rows) => writeMembers(id, rows),
    );
  const writeMembers = (id: string, rows: JsonObject[]): void => {
    write(
      'organization_members',
      rows.map(({ roles: _, ...member }) => ({ org_id: id, ...member })),
    );
    const memberRoles = rows.flatMap(({ user_id, roles }) =>
      ((roles ?? []) as JsonObject[]).map((role) => ({ org_id: id, user_id: user_id ?? null, ...role })),
    );
    if (memberRoles.length > 0) write('organization_member_roles', memberRoles);
  };
  const organizations: string[] = [];
  await walkPages(
    (from) => take(() => lists.organizations(from)),
    (rows) => {
      write('organizations', rows);
      organizations.push(...rows.map((row) => row['id'] as string));
    },
  );
  await Promise.all(organizations.map(readMembers));
}

/** Runs up to `most` requests at a time, in order. */
function limitConcurrency(most: number): RequestLimit {
  const waiting: (() => void)[] = [];
  let out = 0;
  return async (request) => {
    if (out >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    out += 1;
    try {
      return await request();
    } finally {
      out -= 1;
      waiting.shift()?.();
    }
  };
}
