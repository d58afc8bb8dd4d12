import { describeCrashRuns } from '../support/crash/describe-runs';

jest.setTimeout(240_000);

describeCrashRuns([
  ['worker', 46],
  ['cli', 353],
  ['server', 146],
  ['emulator', 82],
  ['postgres', 332],
  ['disk', 335],
]);
