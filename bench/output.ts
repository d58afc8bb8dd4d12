import { isFlat } from './memory-cost';
import { measureOutput, messagesOf, type OutputCost } from './output-cost';
import { conclude, printTable } from './table';

/** Records to write; the first argument, or a million. */
const count = Number(process.argv[2] ?? 1_000_000);

const leastPerSecond = 100_000;
/** Of a slow reader, for each chunk, ms; it reads a tenth of the records. */
const pauseMs = 5;

async function main(): Promise<void> {
  const fast = await measureOutput(count, 0);
  const slow = await measureOutput(count / 10, pauseMs);
  printTable('Staged users written to a pipe', [
    { reader: 'as fast as it can', ...rowOf(fast) },
    { reader: 'slow', ...rowOf(slow) },
  ]);
  conclude([
    ...(fast.messages === messagesOf(count) ? [] : [`${fast.messages} messages instead of ${messagesOf(count)}`]),
    ...(slow.messages === messagesOf(count / 10) ? [] : ['messages are missing for the slow reader']),
    ...(perSecond(fast) < leastPerSecond ? [`fewer than ${leastPerSecond} records a second`] : []),
    ...(isFlat(fast) ? [] : ['memory grows with the records']),
    ...(isFlat(slow) ? [] : ['memory grows while the reader is slow']),
  ]);
}

function perSecond({ messages, seconds }: OutputCost): number {
  return Math.round(messages / seconds);
}

/** Memory and bytes in MB. */
function rowOf(cost: OutputCost): Record<string, number> {
  const megabytes = (bytes = 0): number => Math.round(bytes / 1e6);
  return {
    messages: cost.messages,
    MB: megabytes(cost.bytes),
    seconds: Math.round(cost.seconds * 10) / 10,
    'a second': perSecond(cost),
    'CPU s': Math.round(cost.cpuSeconds * 10) / 10,
    'memory at 10 %': megabytes(cost.tenths[0]),
    'at 50 %': megabytes(cost.tenths[4]),
    'at 100 %': megabytes(cost.tenths[9]),
  };
}

void main();
