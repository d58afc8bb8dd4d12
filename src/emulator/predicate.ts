import type { Json, JsonObject } from '../json';
import { ANY_FIELD, type QueryCondition, type SearchQuery, createQueryError } from './query';
import { toText } from './text';

export type UserPredicate = (user: JsonObject) => boolean;
/** Whether a user belongs to an organization: `organization_id` is searchable though no record carries it. */
export type MembershipTest = (organizationId: string, userId: string) => boolean;

/** Fields whose values Auth0 lower-cases before it compares them. */
const LOWERCASED_FIELDS = new Set(['email', 'name', 'nickname', 'given_name', 'family_name']);
/** Where a term without a field is looked for. */
const MAIN_FIELDS = ['email', 'name', 'nickname', 'given_name', 'family_name', 'username', 'user_id'];
const DATE_FIELDS = new Set([
  'created_at',
  'updated_at',
  'last_login',
  'last_password_reset',
  'multifactor_last_modified',
]);

/** Throws the ApiError of a 400 for a range bound that is no date or number where the field asks for one. */
export function compileQuery(query: SearchQuery, isMember: MembershipTest): UserPredicate {
  switch (query.kind) {
    case 'all': {
      const parts = query.of.map((part) => compileQuery(part, isMember));
      return (user) => parts.every((part) => part(user));
    }
    case 'any': {
      const parts = query.of.map((part) => compileQuery(part, isMember));
      return (user) => parts.some((part) => part(user));
    }
    case 'not': {
      const part = compileQuery(query.of, isMember);
      return (user) => !part(user);
    }
    default:
      return compileCondition(query, isMember);
  }
}

function compileCondition(condition: QueryCondition, isMember: MembershipTest): UserPredicate {
  const { field } = condition;
  if (field === ANY_FIELD) {
    const parts = MAIN_FIELDS.map((main) => compileCondition({ ...condition, field: main }, isMember));
    return (user) => parts.some((part) => part(user));
  }
  if (field === 'organization_id' && condition.kind === 'equals') {
    return (user) => isMember(condition.text, toText(user['user_id']));
  }
  const test = compileValueTest(condition);
  const path = field.split('.');
  return (user) => collectValues(user, path).some(test);
}

/** All values under a path. Arrays are looked through; null and '' count as absent, for they are not indexed. */
function collectValues(value: Json | undefined, path: readonly string[]): Json[] {
  if (Array.isArray(value)) return value.flatMap((element) => collectValues(element, path));
  const [key, ...rest] = path;
  if (key === undefined) return value === undefined || value === null || value === '' ? [] : [value];
  return typeof value === 'object' && value !== null ? collectValues(value[key], rest) : [];
}

function compileValueTest(condition: QueryCondition): (value: Json) => boolean {
  const normalise = (text: string): string => (LOWERCASED_FIELDS.has(condition.field) ? text.toLowerCase() : text);
  const textOf = (value: Json): string | undefined =>
    typeof value === 'object' ? undefined : normalise(String(value));
  switch (condition.kind) {
    case 'exists':
      return () => true;
    case 'equals': {
      const wanted = normalise(condition.text);
      return (value) => textOf(value) === wanted;
    }
    case 'like': {
      const pattern = LOWERCASED_FIELDS.has(condition.field) ? new RegExp(condition.pattern.source, 'i') : condition.pattern;
      return (value) => pattern.test(textOf(value) ?? '');
    }
    case 'range':
      return compileRange(condition);
  }
}

export type RangeCondition = Extract<QueryCondition, { kind: 'range' }>;

function compileRange(range: RangeCondition): (value: Json) => boolean {
  if (DATE_FIELDS.has(range.field)) {
    const { from, to } = computeDateBounds(range);
    return (value) => {
      const at = typeof value === 'string' ? Date.parse(value) : NaN;
      return at >= from && at <= to;
    };
  }
  return (value) =>
    (typeof value === 'number' || typeof value === 'string') &&
    isAbove(value, range.from, range.fromInclusive) &&
    isBelow(value, range.to, range.toInclusive);
}

function isAbove(value: number | string, bound: string, inclusive: boolean): boolean {
  if (bound === '*') return true;
  const limit = typeof value === 'number' ? Number(bound) : bound;
  return inclusive ? value >= limit : value > limit;
}

function isBelow(value: number | string, bound: string, inclusive: boolean): boolean {
  if (bound === '*') return true;
  const limit = typeof value === 'number' ? Number(bound) : bound;
  return inclusive ? value <= limit : value < limit;
}

/** The first and last millisecond that a range over a date field takes in. */
export function computeDateBounds(range: RangeCondition): { from: number; to: number } {
  return {
    from: range.from === '*' ? -Infinity : parseDateBound(range.from, !range.fromInclusive) + (range.fromInclusive ? 0 : 1),
    to: range.to === '*' ? Infinity : parseDateBound(range.to, range.toInclusive) - (range.toInclusive ? 0 : 1),
  };
}

const DATE_PATTERN = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(\.\d{1,9})?)?Z?$/;

/** What a bound leaves open is its earliest instant, or its latest for an inclusive upper and an exclusive lower one. */
function parseDateBound(text: string, latest: boolean): number {
  const [, day, time = latest ? '23:59:59' : '00:00:00', fraction = latest ? '.999' : '.000'] = DATE_PATTERN.exec(text) ?? [];
  const at = Date.parse(`${day ?? ''}T${time}${fraction}Z`);
  if (Number.isNaN(at)) throw createQueryError(`invalid query: failed to parse date field [${text}]`);
  return at;
}
