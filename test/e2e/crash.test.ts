import { testRuns } from '../support/crash/short';

jest.setTimeout(240_000);

testRuns([
  ['worker', 23],
  ['worker', 46],
  ['worker', 74],
  ['cli', 353],
]);
