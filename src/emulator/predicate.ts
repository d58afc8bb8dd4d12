import type { Json, JsonObject } from '../json';
import { ANY_FIELD, type Condition, type Query, refuseQuery } from './query';
import { textOf } from './text';

export type Predicate = (user: JsonObject) => boolean;
/** Whether a user belongs to an organization: `organization_id` is searchable though no record carries it. */
export type MembershipTest = (organizationId: string, userId: string) => boolean;

/** Fields whose values Auth0 lower-cases before it compares them. */
const NORMALISED = new Set(['email', 'name', 'nickname', 'given_name', 'family_name']);
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
export function compileQuery(query: Query, isMember: MembershipTest): Predicate {
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

function compileCondition(condition: Condition, isMember: MembershipTest): Predicate {
  const { field } = condition;
  if (field === ANY_FIELD) {
    const parts = MAIN_FIELDS.map((main) => compileCondition({ ...condition, field: main }, isMember));
    return (user) => parts.some((part) => part(user));
  }
  if (field === 'organization_id' && condition.kind === 'equals') {
    return (user) => isMember(condition.text, textOf(user['user_id']));
  }
  const test = compileTest(condition);
  const path = field.split('.');
  return (user) => valuesAt(user, path).some(test);
}

/** All values under a path. Arrays are looked through; null and '' count as absent, for they are not indexed. */
function valuesAt(value: Json | undefined, path: readonly string[]): Json[] {
  if (Array.isArray(value)) return value.flatMap((element) => valuesAt(element, path));
  const [key, ...rest] = path;
  if (key === undefined) return value === undefined || value === null || value === '' ? [] : [value];
  return typeof value === 'object' && value !== null ? valuesAt(value[key], rest) : [];
}

function compileTest(condition: Condition): (value: Json) => boolean {
  const normalise = (text: string): string => (NORMALISED.has(condition.field) ? text.toLowerCase() : text);
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
      const pattern = NORMALISED.has(condition.field) ? new RegExp(condition.pattern.source, 'i') : condition.pattern;
      return (value) => pattern.test(textOf(value) ?? '');
    }
    case 'range':
      return compileRange(condition);
  }
}

export type Range = Extract<Condition, { kind: 'range' }>;

function compileRange(range: Range): (value: Json) => boolean {
  if (DATE_FIELDS.has(range.field)) {
    const { from, to } = dateBounds(range);
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
export function dateBounds(range: Range): { from: number; to: number } {
  return {
    from: range.from === '*' ? -Infinity : readDate(range.from, !range.fromInclusive) + (range.fromInclusive ? 0 : 1),
    to: range.to === '*' ? Infinity : readDate(range.to, range.toInclusive) - (range.toInclusive ? 0 : 1),
  };
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(\.\d{1,9})?)?Z?$/;

/** What a bound leaves open is its earliest instant, or its latest for an inclusive upper and an exclusive lower one. */
function readDate(text: string, latest: boolean): number {
  const [, day, time = latest ? '23:59:59' : '00:00:00', fraction = latest ? '.999' : '.000'] = DATE.exec(text) ?? [];
  const at = Date.parse(`${day ?? ''}T${time}${fraction}Z`);
  if (Number.isNaN(at)) throw refuseQuery(`invalid query: failed to parse date field [${text}]`);
  return at;
}
