import { isFlat } from '../../../bench/memory-cost';
import { measureOutput, messagesOf } from '../../../bench/output-cost';

it('a reader that lags behind gets every message, and holds the writer up rather than filling its memory', async () => {
  const rows = 40_000;
  const { messages, seconds, tenths } = await measureOutput(rows, 4);
  expect(messages).toBe(messagesOf(rows));
  expect(seconds).toBeGreaterThan(0.5);
  expect(isFlat({ tenths })).toBe(true);
});
