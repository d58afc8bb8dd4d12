import { testRuns } from './short';

jest.setTimeout(240_000);

testRuns([
  ['worker', 23],
  ['worker', 46],
  ['worker', 74],
  ['cli', 353],
]);
