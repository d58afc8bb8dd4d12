import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { ConfigError } from '../errors';

export interface ParseOptions {
  /** What is parsed, as the subject of a sentence: `the configuration`. */
  subject: string;
  nextStep: string;
  /** How to name a path of the value, empty for the whole, in messages. Default: the path. */
  describePath?: (path: string) => string;
}

/**
 * Parses a value. Messages of the schema's patterns and refinements must continue a path and contain no value.
 * @throws ConfigError that names all problems
 */
export function parseWithSchema<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  { subject, nextStep, describePath = (path) => path }: ParseOptions,
): z.output<Schema> {
  const { data, error } = schema.safeParse(value, { error: describeIssue });
  if (!error) return data;
  const issues = error.issues.map(({ path, message }) => ({ where: describePath(z.core.toDotPath(path)), message }));
  const problems = issues.map(({ where, message }) => `${where} ${message}`.trim());
  throw new ConfigError(`${subject} is invalid: ${problems.join('; ')}`, issues[0]?.where ?? '', nextStep);
}

const typeNames: Record<string, string> = {
  string: 'a string (in quotes)',
  number: 'a number',
  int: 'a whole number',
  object: 'an object (keys and values)',
  record: 'an object (keys and values)',
  array: 'a list',
};

/** Zod's own messages quote values. */
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

/** The candidate that the user probably meant: at most two edits, or a third of the word, away. */
export function findClosest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const measure = (candidate: string): number => distance(word.toLowerCase(), candidate.toLowerCase());
  const best = candidates.reduce((one, other) => (measure(other) < measure(one) ? other : one));
  return measure(best) <= Math.min(2, Math.ceil(word.length / 3)) ? best : undefined;
}

/** ` (did you mean x?)`, or an empty string. */
export function formatSuggestion(word: string, candidates: readonly string[]): string {
  const candidate = findClosest(word, candidates);
  return candidate === undefined ? '' : ` (did you mean ${candidate}?)`;
}
