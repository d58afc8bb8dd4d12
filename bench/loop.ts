import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { listsByAxios } from './axios-lists';
import { listsBySdk } from './sdk-lists';
import type { Address } from './sync';
import { walkTenant } from './tenant-walk';

/** What a loop in a process of its own is to do. */
export interface LoopTask {
  by: 'sdk' | 'axios';
  tenant: Address;
  parallel: number;
  /** Records are written to it, a line each. */
  file: string;
  /** Reads the tenant once, says so, and once more when it is told to. */
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
  const lists = by === 'sdk' ? listsBySdk(tenant) : await listsByAxios(tenant);
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
