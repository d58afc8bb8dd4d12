import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createAxiosLists } from './axios-lists';
import type { Address } from './project';
import { createSdkLists } from './sdk-lists';
import { walkTenant } from './tenant-lists';

/** The task of the program: a copy of a tenant with a simple loop. */
export interface LoopTask {
  by: 'sdk' | 'axios';
  tenant: Address;
  parallel: number;
  /** The file for the records, one per line. */
  file: string;
  /** Reads the tenant once, sends a message, and reads it again after an answer. */
  warm: boolean;
  streams?: string[];
}

async function main(task: LoopTask): Promise<void> {
  if (task.warm) {
    await read(task);
    process.send?.('read');
    await once(process, 'message');
  }
  await read(task);
  if (process.connected) process.disconnect();
}

async function read({ by, tenant, parallel, file, streams }: LoopTask): Promise<void> {
  const lists = by === 'sdk' ? createSdkLists(tenant) : await createAxiosLists(tenant);
  const out = createWriteStream(file);
  await walkTenant(
    lists,
    parallel,
    (stream, rows) => out.write(rows.map((data) => `${JSON.stringify({ stream, data })}\n`).join('')),
    streams,
  );
  out.end();
  await finished(out);
}

void main(JSON.parse(process.argv[2] ?? '') as LoopTask);
