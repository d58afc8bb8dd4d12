import type { ListRequest, Page } from '../../../../src/auth0/request';
import type { JsonObject } from '../../../../src/json';

export interface ModelUser {
  id: string;
  /** Epoch ms; null for a user without the field. */
  key: number | null;
  connections: string[];
}

export interface ModelOptions {
  keyName: string;
  /** Largest page that the server sends. */
  pageCap?: number;
  /** Whether the server reports the requested size instead. */
  silent?: boolean;
  /** Whether a page omits a user that the total counts, as with an index that is ahead of the data. */
  hides?: (user: ModelUser) => boolean;
  /** 0 to 1; orders ties differently for each request. */
  shuffle?: () => number;
}

interface Range {
  low: number;
  high: number;
  open: boolean;
}

const clauses: readonly [RegExp, (match: RegExpExecArray, keyName: string) => (user: ModelUser) => boolean][] = [
  [/^_exists_:\w+$/, () => (user) => user.key !== null],
  [
    /^identities\.connection:"(.*)"$/,
    ([, value = '']) =>
      (user) =>
        user.connections.includes(value.replace(/\\(.)/g, '$1')),
  ],
  [
    /^user_id:(.*)\*$/,
    ([, value = '']) =>
      (user) =>
        user.id.startsWith(value.replace(/\\(.)/gu, '$1')),
  ],
];

function parseRange(text: string, keyName: string): Range | undefined {
  const match = new RegExp(`^${keyName}:([[{])(\\S+) TO (\\S+)\\]$`).exec(text);
  if (!match) return undefined;
  const bound = (value: string | undefined, open: number): number => (value === '*' ? open : Date.parse(value ?? ''));
  return { open: match[1] === '{', low: bound(match[2], -Infinity), high: bound(match[3], Infinity) };
}

function compile(q: string, keyName: string): (user: ModelUser) => boolean {
  const tests = q.split(' AND ').map((part) => {
    const negated = part.startsWith('NOT ');
    const text = negated ? part.slice(4) : part;
    const range = parseRange(text, keyName);
    const found = clauses.map(([pattern, make]) => [pattern.exec(text), make] as const).find(([match]) => match);
    const test = range
      ? ({ key }: ModelUser): boolean =>
          key !== null && (range.open ? key > range.low : key >= range.low) && key <= range.high
      : found?.[0] && found[1](found[0], keyName);
    if (!test) throw new Error(`the model does not support ${text}`);
    return (user: ModelUser): boolean => test(user) !== negated;
  });
  return (user) => tests.every((test) => test(user));
}

/** A user search as Auth0 documents it: at most 1,000 rows, a capped total, ties in no order. */
export class SearchModel {
  users: ModelUser[];
  requests = 0;
  constructor(
    users: ModelUser[],
    private readonly options: ModelOptions,
  ) {
    this.users = [...users];
  }

  answer({ query }: ListRequest): Page {
    const { keyName, pageCap = 100, silent = false, hides = () => false, shuffle } = this.options;
    this.requests += 1;
    const page = Number(query['page']);
    const size = Math.min(Number(query['per_page']), pageCap);
    if (page * Number(query['per_page']) >= 1000) throw new Error('You can only page through the first 1000 records.');
    const found = this.users.filter(compile(String(query['q']), keyName));
    const ranked = found.map((user) => ({ user, rank: shuffle?.() ?? 0 }));
    ranked.sort((a, b) => (query['sort'] ? (a.user.key ?? Infinity) - (b.user.key ?? Infinity) : 0) || a.rank - b.rank);
    const rows = ranked.slice(0, 1000).slice(page * size, (page + 1) * size);
    return {
      rows: rows.filter(({ user }) => !hides(user)).map(({ user }) => this.row(user)),
      isBareArray: false,
      start: page * size,
      limit: silent ? Number(query['per_page']) : size,
      total: Math.min(1000, found.length),
      bytes: 0,
      respondedAt: 0,
    };
  }

  private row({ id, key, connections }: ModelUser): JsonObject {
    return {
      user_id: id,
      identities: connections.map((connection) => ({ connection })),
      ...(key === null ? {} : { [this.options.keyName]: new Date(key).toISOString() }),
    };
  }
}
