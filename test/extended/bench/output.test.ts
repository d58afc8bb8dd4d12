import { countMessages, measureOutput } from '../../../bench/output';
import { isFlat } from '../../../bench/support/resident-memory';

it('a slow reader gets every message, and slows the writer down without filling its memory', async () => {
  const rows = 40_000;
  const { messages, seconds, tenths } = await measureOutput(rows, 4);
  expect(messages).toBe(countMessages(rows));
  expect(seconds).toBeGreaterThan(0.5);
  expect(isFlat({ tenths })).toBe(true);
});
