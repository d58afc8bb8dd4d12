import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStaging } from '../src/staging/staging';
import type { OutputTask } from './support/output-program';
import { readUsage } from './support/process-usage';
import { startProgram, withFolder } from './support/project';
import { conclude, printTable, round, runBenchmark, toMegabytes } from './support/report';
import { isFlat } from './support/resident-memory';
import { rowsPerSegment, segmentsPerDelivery, stageUsers } from './support/staged-users';

/** The cost of writing staged records as messages to a pipe. */
export interface OutputCost {
  /** Messages in the pipe: the records, STARTED, RUNNING and a STATE for each delivery. */
  messages: number;
  bytes: number;
  /** From the first byte to the last. */
  seconds: number;
  /** Of the writing process, including its start. */
  cpuSeconds: number;
  /** Most resident memory of the writing process in each tenth of the messages, bytes. */
  tenths: number[];
}

const sampleIntervalMs = 50;

/**
 * Writes the records to a pipe in a separate process.
 * @param pauseMs pause of the reader after each chunk of at most 64 KiB; 0: no pause
 */
export function measureOutput(rows: number, pauseMs: number): Promise<OutputCost> {
  return withFolder(async (folder) => {
    const segments = await stageUsers(createStaging(folder), rows);
    const task: OutputTask = { staging: folder, segments };
    const writer = startProgram('output-program', task, ['ignore', 'pipe', 'inherit']);
    const ended = once(writer, 'close');
    const cost: OutputCost = {
      messages: 0,
      bytes: 0,
      seconds: 0,
      cpuSeconds: 0,
      tenths: new Array<number>(10).fill(0),
    };
    const watching = setInterval(() => {
      const { resident, cpuSeconds } = readUsage(writer.pid ?? 0).own;
      cost.cpuSeconds = Math.max(cost.cpuSeconds, cpuSeconds);
      const tenth = Math.min(9, Math.floor((10 * cost.messages) / rows));
      cost.tenths[tenth] = Math.max(cost.tenths[tenth] ?? 0, resident);
    }, sampleIntervalMs);
    let startedAt: number | undefined;
    for await (const chunk of writer.stdout as AsyncIterable<Buffer>) {
      startedAt ??= performance.now();
      cost.bytes += chunk.length;
      cost.messages += countLines(chunk);
      cost.seconds = (performance.now() - startedAt) / 1_000;
      if (pauseMs > 0) await sleep(pauseMs);
    }
    clearInterval(watching);
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`the writer ended with code ${code}`);
    return cost;
  });
}

/** The number of messages for so many records. */
export function countMessages(rows: number): number {
  return rows + 2 + Math.ceil(rows / (rowsPerSegment * segmentsPerDelivery));
}

const newline = 10;
function countLines(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) lines += 1;
  return lines;
}

/** Records to write: the first argument, or a million. */
const count = Number(process.argv[2] ?? 1_000_000);

const minPerSecond = 100_000;
/** Pause of the slow reader after each chunk. It reads a tenth of the records. */
const pauseMs = 5;

async function main(): Promise<void> {
  const fast = await measureOutput(count, 0);
  const slow = await measureOutput(count / 10, pauseMs);
  printTable('Staged users written to a pipe', [
    { reader: 'as fast as it can', ...toRow(fast) },
    { reader: 'slow', ...toRow(slow) },
  ]);
  conclude([
    ...(fast.messages === countMessages(count) ? [] : [`${fast.messages} messages instead of ${countMessages(count)}`]),
    ...(slow.messages === countMessages(count / 10) ? [] : ['messages are missing for the slow reader']),
    ...(perSecond(fast) < minPerSecond ? [`fewer than ${minPerSecond} records per second`] : []),
    ...(isFlat(fast) ? [] : ['memory grows with the records']),
    ...(isFlat(slow) ? [] : ['memory grows while the reader is slow']),
  ]);
}

function perSecond({ messages, seconds }: OutputCost): number {
  return Math.round(messages / seconds);
}

function toRow(cost: OutputCost): Record<string, number> {
  return {
    messages: cost.messages,
    MB: toMegabytes(cost.bytes),
    seconds: round(cost.seconds, 1),
    'per second': perSecond(cost),
    'CPU seconds': round(cost.cpuSeconds, 1),
    'MB of memory at 10 %': toMegabytes(cost.tenths[0]),
    'at 50 %': toMegabytes(cost.tenths[4]),
    'at 100 %': toMegabytes(cost.tenths[9]),
  };
}

runBenchmark(module, main);
