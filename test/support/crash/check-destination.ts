import { setTimeout as sleep } from 'node:timers/promises';
import { type EmulatedTenant, hashContent, truthReaders, truthStreams } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { run } from '../program';
import type { CrashEnvironment } from './environment';
import {
  type Copy,
  countDifferences,
  formatKey,
  listFiles,
  listUnknownFiles,
  readCopy,
  readUsersCursor,
} from './read-copy';

/** A run reads users again from this long before the cursor. */
const lookbackMs = 180_000;

/** A frozen worker may write late. */
const lateWriteMs = 1_000;

/** Compares the destination with the tenant after the sync, and adds a description of each failure. */
export async function checkDestination(environment: CrashEnvironment, failures: string[]): Promise<void> {
  const { tenant, disks, plan } = environment;
  const [always, ever] = [tenant.listKeysAlwaysPresent(), tenant.listKeysEverPresent()];
  if (plan.faults.some(({ fault }) => fault.target === 'worker' && fault.how === 'freeze')) await sleep(lateWriteMs);
  const copy = await readCopy(environment);
  const differences = countDifferences(copy, always, ever);
  for (const stream of truthStreams) {
    const { lost, invented, twice } = differences[stream];
    if (lost + invented + twice > 0) failures.push(`${stream}: ${lost} lost, ${invented} invented, ${twice} twice`);
  }
  const staged = listFiles(`${disks.staging.folder}-disk/content`);
  if (staged.length > 0) failures.push(`left in staging: ${staged.slice(0, 5).join(', ')}`);
  if (plan.destination === 'files') {
    const unknown = await listUnknownFiles(disks.destination.folder);
    if (unknown.length > 0) failures.push(`files in no manifest: ${unknown.slice(0, 5).join(', ')}`);
  }
  await checkState(environment, copy, failures);
}

/** The state matches the data if the next run reads exactly the users that changed, and the copy is exact afterwards. */
async function checkState(environment: CrashEnvironment, before: Copy, failures: string[]): Promise<void> {
  const { tenant, folder, env } = environment;
  const cursor = await readUsersCursor(environment);
  if (cursor === undefined) {
    failures.push('the destination has no cursor of users');
    return;
  }
  const { code, stdout, stderr } = await run('rollcall', ['sync', 'acme', '--stream', 'users', '--json'], {
    cwd: folder,
    env,
  });
  if (code !== 0) {
    failures.push(`the incremental run ended with code ${code}: ${stderr.slice(-300)}`);
    return;
  }
  const from = Date.parse(cursor) - lookbackMs;
  const changed = (user: JsonObject): boolean =>
    typeof user['updated_at'] !== 'string' || Date.parse(user['updated_at']) >= from;
  const due = [...tenant.tenant.users.iterateUsers()].filter(changed).length;
  const { streams } = JSON.parse(stdout) as { streams: { records: number }[] };
  if (streams[0]?.records !== due)
    failures.push(`the incremental run read ${streams[0]?.records} users, ${due} were due`);
  const wrong = listDifferentUsers(await readCopy(environment), tenant.tenant);
  if (wrong.length > 0) {
    failures.push(
      `${wrong.length} users differ from the tenant after the incremental run: ${wrong.slice(0, 3).join(', ')}`,
    );
  }
  for (const stream of truthStreams.filter((each) => each !== 'users')) {
    const after = (await readCopy(environment))[stream].length;
    if (after !== before[stream].length) failures.push(`${stream} changed in a run of users only`);
  }
}

/** IDs of the users whose newest version is missing or different. */
function listDifferentUsers(copy: Copy, tenant: EmulatedTenant): string[] {
  const newest = new Map(copy.users.map(({ record }) => [formatKey('users', record), hashRecord(record)]));
  return [...truthReaders.users(tenant)]
    .filter(({ key, content }) => newest.get(key) !== hashRecord(content))
    .map(({ key }) => key);
}

/** In a table, null stands for a missing field. */
function hashRecord(content: JsonObject): string {
  return hashContent(Object.fromEntries(Object.entries(content).filter(([, value]) => value !== null)));
}
