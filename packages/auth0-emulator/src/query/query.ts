import { type AST, type Node, type NodeRangedTerm, type NodeTerm, parse } from 'lucene';
import { type Json, type JsonObject, toText } from '../json';
import { type ApiError, createBadRequestError } from '../api-error';

/** A condition on one field. */
export type QueryCondition =
  | { kind: 'exists'; field: string }
  | { kind: 'equals'; field: string; text: string }
  | { kind: 'like'; field: string; pattern: RegExp }
  | { kind: 'range'; field: string; from: string; to: string; fromInclusive: boolean; toInclusive: boolean };

export type SearchQuery =
  | QueryCondition
  | { kind: 'all'; of: SearchQuery[] }
  | { kind: 'any'; of: SearchQuery[] }
  | { kind: 'not'; of: SearchQuery };

const metadataFieldPattern = /^(user_metadata|app_metadata)(\.|$)/;
/** Number of literal characters that must follow a leading wildcard. */
const minSuffixLength = 3;

export function createQueryError(message: string): ApiError {
  return createBadRequestError(message, 'invalid_query_string');
}

/**
 * Parses a `q` of user search v3. Throws ApiError (400) for what Auth0 rejects: invalid syntax, ranges and wildcards on
 * user_metadata, ranges on app_metadata, regular expressions, short suffix wildcards.
 *
 * The library groups `a AND b OR c` to the right, whatever the operators. Chains are therefore flattened and grouped again:
 * NOT binds most tightly, then AND, then OR. As in Lucene, two conditions without an operator are alternatives.
 */
export function parseQuery(text: string): SearchQuery {
  let ast: AST;
  try {
    ast = parse(text);
  } catch {
    throw createQueryError('invalid query: the query could not be parsed');
  }
  return convertAst(ast, undefined);
}

function convertAst(ast: AST, outerField: string | undefined): SearchQuery {
  const field = ast.field !== undefined && ast.field !== '<implicit>' ? ast.field : outerField;
  const groups: SearchQuery[][] = [[]];
  let link: AST | undefined = ast;
  let operator = readLeadingNot(link);
  for (;;) {
    const operand: SearchQuery = convertOperand(link.left, field);
    const negated: SearchQuery = operator.endsWith('NOT') ? { kind: 'not', of: operand } : operand;
    if (operator === '' || operator === 'NOT' || /^(AND|&&)/.test(operator)) groups.at(-1)?.push(negated);
    else groups.push([negated]);
    if (!('operator' in link)) break;
    operator = link.operator;
    const right: AST | Node = link.right;
    if (isChain(right)) {
      operator = `${operator} ${readLeadingNot(right)}`.trim();
      link = right;
    } else {
      link = { left: right };
    }
  }
  const any = groups.map((group) => combineQueries('all', group));
  return combineQueries('any', any);
}

/** A NOT in front of the chain's first operand. */
function readLeadingNot(ast: AST): string {
  return 'start' in ast ? (ast.start ?? '') : '';
}

function combineQueries(kind: 'all' | 'any', of: SearchQuery[]): SearchQuery {
  return of.length === 1 ? (of[0] as SearchQuery) : { kind, of };
}

/** Whether the right side continues the chain, instead of being a term or an expression in parentheses. */
function isChain(right: AST | Node): right is AST {
  return 'left' in right && right.parenthesized !== true;
}

function convertOperand(operand: AST | Node | undefined, field: string | undefined): SearchQuery {
  if (!operand) throw createQueryError('invalid query: the query could not be parsed');
  if ('left' in operand) return convertAst(operand, field);
  if ('term_min' in operand) return convertRange(operand, resolveField(operand, field));
  return convertTerm(operand, resolveField(operand, field));
}

function resolveField(node: Node, outer: string | undefined): string {
  const field = node.field === '<implicit>' ? outer : node.field;
  if (field === undefined) return anyField;
  if (/^[-+!]/.test(field)) throw createQueryError('invalid query: use NOT in place of a sign');
  return unescapeTerm(field);
}

/** The field of a term without a field, which is searched in the profile's main fields. */
export const anyField = '<any>';

function convertRange(node: NodeRangedTerm, field: string): QueryCondition {
  if (metadataFieldPattern.test(field))
    throw createQueryError("invalid query: operator 'less or equal' is not supported");
  return {
    kind: 'range',
    field,
    from: unescapeTerm(node.term_min),
    to: unescapeTerm(node.term_max),
    fromInclusive: node.inclusive === 'both' || node.inclusive === 'left',
    toInclusive: node.inclusive === 'both' || node.inclusive === 'right',
  };
}

function convertTerm(node: NodeTerm, field: string): QueryCondition {
  if (node.regex) throw createQueryError('invalid query: regular expressions are not supported');
  if (node.similarity || node.boost || node.prefix) {
    throw createQueryError('invalid query: signs, boosts and fuzzy terms are not supported');
  }
  if (field === '_exists_') return { kind: 'exists', field: unescapeTerm(node.term) };
  if (node.quoted) return { kind: 'equals', field, text: unescapeTerm(node.term) };
  if (node.term === '*') return { kind: 'exists', field };
  const parts = splitAtWildcards(node.term);
  if (parts.length === 1) return { kind: 'equals', field, text: parts[0] ?? '' };
  if (/^user_metadata(\.|$)/.test(field))
    throw createQueryError('invalid query: wildcards are not supported on user_metadata');
  if (parts[0] === '' && parts.filter((_, place) => place % 2 === 0).join('').length < minSuffixLength) {
    throw createQueryError('invalid query: a wildcard in front needs at least 3 characters');
  }
  return { kind: 'like', field, pattern: buildWildcardPattern(parts) };
}

/** Returns literals and wildcards in turn, wildcards at the odd indexes. Escaped characters are literal. */
function splitAtWildcards(term: string): string[] {
  const parts = [''];
  for (const [piece] of term.matchAll(/\\[^]|[^]/gu)) {
    if (piece === '*' || piece === '?') parts.push(piece, '');
    else parts.push(`${parts.pop() ?? ''}${unescapeTerm(piece)}`);
  }
  return parts;
}

function buildWildcardPattern(parts: string[]): RegExp {
  const source = parts.map((part, index) => {
    if (index % 2 === 0) return part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    return part === '*' ? '[^]*' : '[^]';
  });
  return new RegExp(`^${source.join('')}$`);
}

function unescapeTerm(text: string): string {
  return text.replace(/\\([^])/g, '$1');
}

export type UserPredicate = (user: JsonObject) => boolean;
/** Whether a user belongs to an organization: `organization_id` is searchable although no record contains it. */
export type MembershipTest = (organizationId: string, userId: string) => boolean;

/** Fields that Auth0 compares in lower case. */
const lowercasedFields = new Set(['email', 'name', 'nickname', 'given_name', 'family_name']);
const mainFields = ['email', 'name', 'nickname', 'given_name', 'family_name', 'username', 'user_id'];
const dateFields = new Set([
  'created_at',
  'updated_at',
  'last_login',
  'last_password_reset',
  'multifactor_last_modified',
]);

/** Throws ApiError (400) for a range bound that is not a date on a date field. */
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
  if (field === anyField) {
    const parts = mainFields.map((main) => compileCondition({ ...condition, field: main }, isMember));
    return (user) => parts.some((part) => part(user));
  }
  if (field === 'organization_id' && condition.kind === 'equals') {
    return (user) => isMember(condition.text, toText(user['user_id']));
  }
  const test = compileValueTest(condition);
  const path = field.split('.');
  return (user) => collectValues(user, path).some(test);
}

/** All values under a path, also within arrays. Null and '' are absent, because Auth0 does not index them. */
function collectValues(value: Json | undefined, path: readonly string[]): Json[] {
  if (Array.isArray(value)) return value.flatMap((element) => collectValues(element, path));
  const [key, ...rest] = path;
  if (key === undefined) return value === undefined || value === null || value === '' ? [] : [value];
  return typeof value === 'object' && value !== null ? collectValues(value[key], rest) : [];
}

function compileValueTest(condition: QueryCondition): (value: Json) => boolean {
  const normalize = (text: string): string => (lowercasedFields.has(condition.field) ? text.toLowerCase() : text);
  const normalizeValue = (value: Json): string | undefined =>
    typeof value === 'object' ? undefined : normalize(String(value));
  switch (condition.kind) {
    case 'exists':
      return () => true;
    case 'equals': {
      const expected = normalize(condition.text);
      return (value) => normalizeValue(value) === expected;
    }
    case 'like': {
      const pattern = lowercasedFields.has(condition.field)
        ? new RegExp(condition.pattern.source, 'i')
        : condition.pattern;
      return (value) => pattern.test(normalizeValue(value) ?? '');
    }
    case 'range':
      return compileRange(condition);
  }
}

export type RangeCondition = Extract<QueryCondition, { kind: 'range' }>;

function compileRange(range: RangeCondition): (value: Json) => boolean {
  if (dateFields.has(range.field)) {
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

/** The first and last millisecond in a range over a date field. */
export function computeDateBounds(range: RangeCondition): { from: number; to: number } {
  return {
    from:
      range.from === '*' ? -Infinity : parseDateBound(range.from, !range.fromInclusive) + (range.fromInclusive ? 0 : 1),
    to: range.to === '*' ? Infinity : parseDateBound(range.to, range.toInclusive) - (range.toInclusive ? 0 : 1),
  };
}

const datePattern = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(\.\d{1,9})?)?Z?$/;

/** An incomplete bound is its earliest time, or its latest for an inclusive upper and an exclusive lower bound. */
function parseDateBound(text: string, latest: boolean): number {
  const [, day, time = latest ? '23:59:59' : '00:00:00', fraction = latest ? '.999' : '.000'] =
    datePattern.exec(text) ?? [];
  const at = Date.parse(`${day ?? ''}T${time}${fraction}Z`);
  if (Number.isNaN(at)) throw createQueryError(`invalid query: failed to parse date field [${text}]`);
  return at;
}
