import { testRuns } from './short';

jest.setTimeout(240_000);

testRuns([
  ['server', 146],
  ['emulator', 82],
  ['postgres', 332],
  ['disk', 335],
]);
