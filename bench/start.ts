import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmulator } from 'auth0-emulator';
import { withFolder } from './support/project';
import { conclude, printTable, round, runBenchmark } from './support/report';

const bin = join(__dirname, '..', 'bin');
const runs = 7;

/** Most seconds of each command on an idle machine. */
const commands = [
  { command: 'rollcall --help', most: 0.1 },
  { command: 'source-auth0 spec', most: 0.4 },
  { command: 'source-auth0 discover --config config.json', most: 0.4 },
  { command: 'source-auth0 check --config config.json', most: 1.5 },
];

/** Median of several runs, in seconds. The command must succeed. */
async function measureSeconds(command: string, cwd: string): Promise<number> {
  const [program = '', ...args] = command.split(' ');
  const measured: number[] = [];
  for (let each = 0; each < runs; each += 1) {
    const startedAt = performance.now();
    await promisify(execFile)(process.execPath, [join(bin, program), ...args], { cwd, maxBuffer: 10e6 });
    measured.push((performance.now() - startedAt) / 1_000);
  }
  return measured.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? NaN;
}

async function main(): Promise<void> {
  const tenant = await startEmulator({ scenario: 'small' });
  try {
    const rows = await withFolder(async (folder) => {
      const { url: base_url, clientId: client_id, clientSecret: client_secret } = tenant;
      const credentials = { auth_type: 'oauth2_confidential_application', client_id, client_secret };
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ base_url, credentials }));
      const measured = [];
      for (const { command, most } of commands) {
        measured.push({ command, most, seconds: await measureSeconds(command, folder) });
      }
      return measured;
    });
    printTable(
      `Start of short commands, median of ${runs}`,
      rows.map(({ command, most, seconds }) => ({ command, seconds: round(seconds), 'at most': most })),
    );
    conclude(rows.filter(({ seconds, most }) => seconds > most).map(({ command }) => `${command} takes too long`));
  } finally {
    await tenant.close();
  }
}

runBenchmark(module, main);
