import { startEmulator, type EmulatorOptions } from 'auth0-emulator';
import type { Address } from './project';

/** The task of the program: the tenants that it emulates. */
export type TenantsTask = EmulatorOptions[];

/** Writes the addresses of the tenants as one line of JSON, and runs until it is killed. */
async function main(task: TenantsTask): Promise<void> {
  const addresses: Address[] = [];
  for (const options of task) {
    const { url, clientId, clientSecret } = await startEmulator(options);
    addresses.push({ url, clientId, clientSecret });
  }
  process.stdout.write(`${JSON.stringify(addresses)}\n`);
}

void main(JSON.parse(process.argv[2] ?? '') as TenantsTask);
