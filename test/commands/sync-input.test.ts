import { defaultLimits, limitsOf } from '../../src/commands/sync-input';

it('takes the bounds of a slice that the environment sets for every kind of slice, and leaves the others', () => {
  expect(limitsOf({ slice: { pages: 3 }, heartbeatSeconds: 2 })).toEqual({
    ...defaultLimits,
    slice: { ...defaultLimits.slice, pages: 3 },
    memberSlice: { ...defaultLimits.memberSlice, pages: 3 },
    heartbeatSeconds: 2,
  });
});
