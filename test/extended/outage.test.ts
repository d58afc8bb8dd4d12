import { testRuns } from '../support/crash/short';

jest.setTimeout(240_000);

testRuns([
  ['server', 146],
  ['emulator', 82],
  ['postgres', 332],
  ['disk', 335],
]);
