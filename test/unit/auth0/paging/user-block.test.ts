import { parse } from 'lucene';
import {
  formatPartConditions,
  formatPhrase,
  formatPrefix,
  splitPart,
  wholeBlock,
} from '../../../../src/auth0/paging/user-block';

const user = (id: string, ...connections: string[]) => ({
  user_id: id,
  identities: connections.map((connection) => ({ connection })),
});

test('a user with two connections belongs to exactly one part', () => {
  const parts = splitPart(wholeBlock, [user('a', 'x', 'y'), user('b', 'y')]);
  expect(parts?.map(formatPartConditions)).toEqual([
    ' AND identities.connection:"x"',
    ' AND identities.connection:"y" AND NOT identities.connection:"x"',
    ' AND NOT identities.connection:"x" AND NOT identities.connection:"y"',
  ]);
});

test('users of one connection are split by the character after the common prefix of their ids', () => {
  const parts = splitPart(wholeBlock, [user('auth0|11', 'x'), user('auth0|12', 'x'), user('auth0|19', 'x')]);
  expect(parts?.map(formatPartConditions)).toEqual([
    ' AND user_id:auth0|11*',
    ' AND user_id:auth0|12*',
    ' AND user_id:auth0|19*',
    ' AND NOT user_id:auth0|11* AND NOT user_id:auth0|12* AND NOT user_id:auth0|19*',
  ]);
});

test('an id that is a prefix of the others belongs to the last part, and surrogate pairs are not split', () => {
  expect(splitPart(wholeBlock, [user('a'), user('a😀'), user('a😁')])?.map((part) => part.prefix)).toEqual([
    'a😀',
    'a😁',
    undefined,
  ]);
});

test('rows that no condition separates are not split', () => {
  expect(splitPart(wholeBlock, [])).toBeUndefined();
  expect(splitPart(wholeBlock, [user('a', 'x')])).toBeUndefined();
});

test.each(['plain', 'say "x"', 'back\\slash', 'a AND b:[1 TO 2]', '"', '\\"'])(
  'a phrase is read as it was meant: %s',
  (value) => {
    const { left } = parse(`f:${formatPhrase(value)}`) as unknown as { left: { term: string; quoted: boolean } };
    expect(left.quoted).toBe(true);
    expect(left.term.replace(/\\(.)/g, '$1')).toBe(value);
  },
);

test.each(['auth0|5f', 'samlp||a b', 'waad|a:b@c.example', 'x*?~^+-&!(){}[]"\\/', 'é😀'])(
  'a beginning is read as it was meant: %s',
  (value) => {
    const { left } = parse(`f:${formatPrefix(value)}`) as unknown as { left: { term: string } };
    expect(left.term.replace(/\\([^])/gu, '$1')).toBe(`${value}*`);
  },
);
