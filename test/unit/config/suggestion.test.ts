import { findClosest } from '../../../src/config/problems';

const streams = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];

test.each([
  ['usres', 'users'],
  ['user', 'users'],
  ['Client', 'clients'],
  ['organisations', 'organizations'],
  ['organization_member', 'organization_members'],
])('suggests for %s: %s', (word, suggestion) => {
  expect(findClosest(word, streams)).toBe(suggestion);
});

test.each(['', 'x', 'invoices', 'organization_grants', 'org_member_roles'])('suggests nothing for %j', (word) => {
  expect(findClosest(word, streams)).toBeUndefined();
});

test('suggests nothing without candidates', () => {
  expect(findClosest('users', [])).toBeUndefined();
});
