import type { JsonObject } from '../../../src/json';
import { createSecretRemover } from '../../../src/streams/descriptor';

it.each<[string, JsonObject, JsonObject]>([
  ['secret', { secret: 1, kept: 2 }, { kept: 2 }],
  ['a.secret', { a: { secret: 1, kept: 2 }, secret: 3 }, { a: { kept: 2 }, secret: 3 }],
  ['a[].secret', { a: [{ secret: 1, kept: 2 }, { secret: 3 }] }, { a: [{ kept: 2 }, {}] }],
  ['a[].b[].secret', { a: [{ b: [{ secret: 1 }] }, { b: null }] }, { a: [{ b: [{}] }, { b: null }] }],
  ['a.b.secret', { a: { b: { secret: { deep: 1 } } } }, { a: { b: {} } }],
])('removes %s', (path, row, left) => {
  expect(createSecretRemover([path])(row)).toEqual(left);
});

it.each<JsonObject>([{}, { a: null }, { a: 'text' }, { a: 7 }, { a: { secret: 1 } }, { a: [null, 'text', [1]] }])(
  'does not change %j, which lacks the path',
  (row) => {
    expect(createSecretRemover(['a[].secret', 'secret.a'])(structuredClone(row))).toEqual(row);
  },
);

it('removes all given fields and returns the same row', () => {
  const row = { client_secret: 's', signing_keys: [{}], name: 'n' };
  expect(createSecretRemover(['client_secret', 'signing_keys'])(row)).toBe(row);
  expect(row).toEqual({ name: 'n' });
});
