import { startEmulator, type EmulatorOptions } from 'auth0-emulator';
import type { Address } from './sync';

/** The tenants that a process of its own is to emulate, each on a port of its own. */
export type TenantHostTask = EmulatorOptions[];

/** Says where they are on one line of JSON, and ends when it is told to. */
async function main(task: TenantHostTask): Promise<void> {
  const addresses: Address[] = [];
  for (const options of task) {
    const { url, clientId, clientSecret } = await startEmulator(options);
    addresses.push({ url, clientId, clientSecret });
  }
  process.stdout.write(`${JSON.stringify(addresses)}\n`);
}

void main(JSON.parse(process.argv[2] ?? '') as TenantHostTask);
