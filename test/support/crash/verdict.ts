import { setTimeout as sleep } from 'node:timers/promises';
import { type EmulatedTenant, hashContent, truthReaders, truthStreams } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { run } from '../program';
import { type Copy, differencesOf, filesBeside, filesIn, keyOf, readCopy, usersCursor } from './copy';
import type { World } from './world';

/** Users are read again from so long before the cursor, ms. */
const lookBackMs = 180_000;

/** For a worker that was late to do its harm, ms. */
const afterwardsMs = 1_000;

/** Holds the destination against the tenant once the sync has ended, and says in words what is wrong. */
export async function judge(world: World, faults: string[]): Promise<void> {
  const { tenant, disks, plan } = world;
  const [throughout, ever] = [tenant.listKeysAlwaysPresent(), tenant.listKeysEverPresent()];
  if (plan.blows.some(({ blow }) => blow.victim === 'worker' && blow.how === 'freeze')) await sleep(afterwardsMs);
  const copy = await readCopy(world);
  const differences = differencesOf(copy, throughout, ever);
  for (const stream of truthStreams) {
    const { lost, invented, twice } = differences[stream];
    if (lost + invented + twice > 0) faults.push(`${stream}: ${lost} lost, ${invented} invented, ${twice} twice`);
  }
  const staged = filesIn(`${disks.staging.folder}-disk/content`);
  if (staged.length > 0) faults.push(`left in staging: ${staged.slice(0, 5).join(', ')}`);
  if (plan.destination === 'files') {
    const beside = await filesBeside(disks.destination.folder);
    if (beside.length > 0) faults.push(`files that nobody counts: ${beside.slice(0, 5).join(', ')}`);
  }
  await judgeState(world, copy, faults);
}

/** The state says what the data is when a run that goes on from it reads what changed, no more, and then nothing differs. */
async function judgeState(world: World, before: Copy, faults: string[]): Promise<void> {
  const { tenant, folder, env } = world;
  const cursor = await usersCursor(world);
  if (cursor === undefined) {
    faults.push('the destination holds no cursor of users');
    return;
  }
  const { code, stdout, stderr } = await run('rollcall', ['sync', 'acme', '--stream', 'users', '--json'], {
    cwd: folder,
    env,
  });
  if (code !== 0) {
    faults.push(`the incremental run ended with code ${code}: ${stderr.slice(-300)}`);
    return;
  }
  const from = Date.parse(cursor) - lookBackMs;
  const changed = (user: JsonObject): boolean =>
    typeof user['updated_at'] !== 'string' || Date.parse(user['updated_at']) >= from;
  const due = [...tenant.tenant.users.iterateUsers()].filter(changed).length;
  const { streams } = JSON.parse(stdout) as { streams: { records: number }[] };
  if (streams[0]?.records !== due)
    faults.push(`the incremental run read ${streams[0]?.records} users, ${due} were due`);
  const wrong = differing(await readCopy(world), tenant.tenant);
  if (wrong.length > 0) {
    faults.push(
      `${wrong.length} users are not as the tenant has them after the incremental run: ${wrong.slice(0, 3).join(', ')}`,
    );
  }
  for (const stream of truthStreams.filter((each) => each !== 'users')) {
    const after = (await readCopy(world))[stream].length;
    if (after !== before[stream].length) faults.push(`${stream} has changed with a run that was not asked for it`);
  }
}

/** Ids of the users whose newest copy is missing or has another content. */
function differing(copy: Copy, tenant: EmulatedTenant): string[] {
  const newest = new Map(copy.users.map(({ record }) => [keyOf('users', record), hashOf(record)]));
  return [...truthReaders.users(tenant)]
    .filter(({ key, content }) => newest.get(key) !== hashOf(content))
    .map(({ key }) => key);
}

/** In a table a field that is null is one that is missing. */
function hashOf(content: JsonObject): string {
  return hashContent(Object.fromEntries(Object.entries(content).filter(([, value]) => value !== null)));
}
