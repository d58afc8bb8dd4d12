import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStaging } from '../src/staging/staging';
import type { OutputTask } from './output-writer';
import { usageOf } from './process-usage';
import { rowsPerSegment, segmentsPerStep, stageUsers } from './staged-users';
import { inScratch } from './sync';

/** What it took to write staged records as messages to a pipe. */
export interface OutputCost {
  /** Messages that came: the records, STARTED, RUNNING and a STATE for each step. */
  messages: number;
  bytes: number;
  /** From the first byte to the last. */
  seconds: number;
  /** Of the process that writes, its start included. */
  cpuSeconds: number;
  /** Most resident memory of it in each tenth of the messages, bytes. */
  tenths: number[];
}

const watchMs = 50;

/**
 * Has a process of its own write the records to a pipe.
 * @param pauseMs that the reader of the pipe makes after each chunk of 64 KiB or less; 0: it reads as fast as it can
 */
export function measureOutput(rows: number, pauseMs: number): Promise<OutputCost> {
  return inScratch(async (folder) => {
    const segments = await stageUsers(createStaging(folder), rows);
    const task: OutputTask = { staging: folder, segments };
    const args = ['--require', join(__dirname, '..', 'scripts', 'typescript.cjs'), join(__dirname, 'output-writer.ts')];
    const writer = spawn(process.execPath, [...args, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(writer, 'close');
    const cost: OutputCost = {
      messages: 0,
      bytes: 0,
      seconds: 0,
      cpuSeconds: 0,
      tenths: new Array<number>(10).fill(0),
    };
    const watching = setInterval(() => {
      const { resident, cpuSeconds } = usageOf(writer.pid ?? 0).own;
      cost.cpuSeconds = Math.max(cost.cpuSeconds, cpuSeconds);
      const tenth = Math.min(9, Math.floor((10 * cost.messages) / rows));
      cost.tenths[tenth] = Math.max(cost.tenths[tenth] ?? 0, resident);
    }, watchMs);
    let begun: number | undefined;
    for await (const chunk of writer.stdout as AsyncIterable<Buffer>) {
      begun ??= performance.now();
      cost.bytes += chunk.length;
      cost.messages += linesIn(chunk);
      cost.seconds = (performance.now() - begun) / 1_000;
      if (pauseMs > 0) await sleep(pauseMs);
    }
    clearInterval(watching);
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`the writer ended with code ${code}`);
    return cost;
  });
}

/** The messages of so many records. */
export function messagesOf(rows: number): number {
  return rows + 2 + Math.ceil(rows / (rowsPerSegment * segmentsPerStep));
}

const newline = 10;
function linesIn(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) lines += 1;
  return lines;
}
