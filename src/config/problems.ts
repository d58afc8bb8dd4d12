import { z } from 'zod';
import { ConfigError } from '../errors';

/**
 * The value as the schema understands it. Throws a ConfigError that names all problems at once. A schema's own messages
 * (of patterns and refinements) must continue the path and repeat no value.
 * @param subject what is checked, as a sentence's subject: `the configuration`
 * @param prefix path under which the value stands in what the user wrote: `connections.acme`
 */
export function parseWithSchema<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  subject: string,
  nextStep: string,
  prefix = '',
): z.output<Schema> {
  const { data, error } = schema.safeParse(value, { error: describeIssue });
  if (!error) return data;
  const problems = error.issues.map((issue) => [formatIssuePath(prefix, issue), issue.message].join(' ').trim());
  const where = error.issues[0] ? formatIssuePath(prefix, error.issues[0]) : prefix;
  throw new ConfigError(`${subject} is invalid: ${problems.join('; ')}`, where, nextStep);
}

function formatIssuePath(prefix: string, issue: z.core.$ZodIssue): string {
  const path = z.core.toDotPath(issue.path);
  return [prefix, path].filter((part) => part !== '').join('.');
}

const typeNames: Record<string, string> = {
  string: 'a string (in quotes)',
  number: 'a number',
  int: 'a whole number',
  object: 'an object (keys and values)',
  record: 'an object (keys and values)',
  array: 'a list',
};

/** Zod's own words quote values and speak of types; these name the fault alone. */
function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${typeNames[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return issue.origin === 'number' ? 'must be greater than 0' : 'is empty';
    case 'unrecognized_keys':
      return `has the unknown ${issue.keys.length > 1 ? 'keys' : 'key'} ${issue.keys.join(', ')}`;
    case 'invalid_union':
      return Array.isArray(issue.options) ? `must be one of ${issue.options.join(', ')}` : 'has an invalid format';
    case 'invalid_key':
      return issue.issues[0]?.message;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    default:
      return undefined;
  }
}

/** The candidate that was probably meant: the nearest one, at most two letters (a third of the word) away. */
export function findClosest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: measureDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.min(2, Math.ceil(word.length / 3)) ? best.candidate : undefined;
}

/** ` (did you mean x?)`, or nothing. */
export function formatSuggestion(word: string, candidates: readonly string[]): string {
  const candidate = findClosest(word, candidates);
  return candidate === undefined ? '' : ` (did you mean ${candidate}?)`;
}

/** Levenshtein distance. */
function measureDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replace = (row[j] ?? 0) + (b[j] === letter ? 0 : 1);
      next.push(Math.min(replace, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
