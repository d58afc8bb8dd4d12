import { describeCrashRuns } from '../support/crash/describe-runs';

jest.setTimeout(240_000);

describeCrashRuns([
  ['worker', 23],
  ['worker', 74],
]);
