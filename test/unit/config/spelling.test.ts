import { findClosest } from '../../../src/config/problems';

const streams = ['clients', 'users', 'organizations', 'organization_members', 'organization_member_roles'];

test.each([
  ['usres', 'users'],
  ['user', 'users'],
  ['Client', 'clients'],
  ['organisations', 'organizations'],
  ['organization_member', 'organization_members'],
])('%s was meant to be %s', (word, meant) => {
  expect(findClosest(word, streams)).toBe(meant);
});

test.each(['', 'x', 'invoices', 'organization_grants', 'org_member_roles'])(
  '%j was meant to be none of them',
  (word) => {
    expect(findClosest(word, streams)).toBeUndefined();
  },
);

test('among nothing nothing is close', () => {
  expect(findClosest('users', [])).toBeUndefined();
});
