import { defined, isObject, isPresent } from '../../src/json';

it('keeps the fields that are not undefined', () => {
  expect(defined({ from: undefined, take: 0, name: '', where: null, isLast: false })).toEqual({
    take: 0,
    name: '',
    where: null,
    isLast: false,
  });
  expect(Object.keys(defined({ from: undefined }))).toEqual([]);
});

it('gives fields that may be undefined the type of optional fields', () => {
  const from = undefined as string | undefined;
  const query: { take: number; from?: string } = { take: 1, ...defined({ from }) };
  const request: { take: number; from?: string } = defined({ take: 2, from });
  expect([query, request]).toEqual([{ take: 1 }, { take: 2 }]);
});

it('takes only JSON objects for objects', () => {
  expect([{}, { a: 1 }].every(isObject)).toBe(true);
  expect([null, [], 'x', 1, undefined].some(isObject)).toBe(false);
});

it('takes neither null nor undefined for present', () => {
  expect([null, undefined, 0, '', false].map(isPresent)).toEqual([false, false, true, true, true]);
});
