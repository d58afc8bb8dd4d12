import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmulator } from 'auth0-emulator';
import { inScratch } from './sync';
import { conclude, printTable } from './table';

const bin = join(__dirname, '..', 'bin');
const tries = 7;

/** Most seconds that a command may take on a machine that does nothing else. */
const commands = [
  { command: 'rollcall --help', most: 0.1 },
  { command: 'source-auth0 spec', most: 0.4 },
  { command: 'source-auth0 discover --config config.json', most: 0.4 },
  { command: 'source-auth0 check --config config.json', most: 1.5 },
];

/** Median of some tries, seconds. The command must succeed. */
async function secondsOf(command: string, cwd: string): Promise<number> {
  const [program = '', ...args] = command.split(' ');
  const took: number[] = [];
  for (let each = 0; each < tries; each += 1) {
    const begun = performance.now();
    await promisify(execFile)(process.execPath, [join(bin, program), ...args], { cwd, maxBuffer: 10e6 });
    took.push((performance.now() - begun) / 1_000);
  }
  return took.toSorted((a, b) => a - b)[Math.floor(tries / 2)] ?? NaN;
}

async function main(): Promise<void> {
  const tenant = await startEmulator({ scenario: 'small' });
  try {
    const rows = await inScratch(async (folder) => {
      const { url: base_url, clientId: client_id, clientSecret: client_secret } = tenant;
      const credentials = { auth_type: 'oauth2_confidential_application', client_id, client_secret };
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ base_url, credentials }));
      const measured = [];
      for (const { command, most } of commands) {
        measured.push({ command, most, seconds: await secondsOf(command, folder) });
      }
      return measured;
    });
    printTable(
      `Commands that answer at once, median of ${tries}`,
      rows.map(({ command, most, seconds }) => ({ command, seconds: Number(seconds.toFixed(2)), 'at most': most })),
    );
    conclude(rows.filter(({ seconds, most }) => seconds > most).map(({ command }) => `${command} takes too long`));
  } finally {
    await tenant.close();
  }
}

void main();
