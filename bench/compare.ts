import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  atTenant,
  countTenant,
  measureKill,
  measureRead,
  secretScopes,
  type ComparedTenant,
  type ReadCost,
} from './support/compare-cost';
import {
  airbyteConnector,
  checkSignIn,
  provideConnector,
  readUsersByPaging,
  rollcallRead,
  rollcallSync,
  sdkLoop,
} from './support/compare-readers';
import { compareReaders, writeMarkdown, type Measured } from './support/compare-table';
import { conclude, runBenchmark } from './support/report';

/**
 * An ordinary tenant: no unusual ids, no field that is missing, no change during the run. It has more than 1,000 users,
 * because a search of users gives no more than 1,000.
 */
const tenant: ComparedTenant = {
  scenario: {
    users: { count: 6_000, edgeCases: false },
    organizations: { count: 200, members: { min: 1, max: 3 } },
    clients: { count: 40 },
    roles: { count: 10 },
  },
  rateLimits: { global: { size: 50, perSecond: 16 } },
  latencyMs: 50,
};

async function main(): Promise<void> {
  const connector = provideConnector();
  if (!connector) {
    process.exitCode = 1;
    return;
  }
  const readers = [rollcallSync, rollcallRead, airbyteConnector(connector), sdkLoop];
  const holdings = await countTenant(tenant);
  const signIn = await atTenant(tenant, (each, { folder }) => checkSignIn(connector, each, folder));
  const paging = await atTenant(tenant, (each) => readUsersByPaging(each));
  const costs: ReadCost[] = [];
  // One after the other: seconds are compared.
  for (const reader of readers) {
    report(`${reader.name}: reading`);
    costs.push(await measureRead(reader, tenant));
  }
  report('all readers, killed halfway and run again');
  const kills = await Promise.all(
    readers.map((reader, nth) => measureKill(reader, tenant, Math.floor((costs[nth]?.requests ?? 0) / 2))),
  );
  const measured = readers.flatMap(({ name }, nth) => {
    const [read, kill] = [costs[nth], kills[nth]];
    return read && kill ? [{ name, read, kill }] : [];
  });
  const [, , byConnector] = measured;
  const notes = [
    `Tenant (emulated): ${describe(holdings)}. Rate limit: 50 requests at once, then 16 a second. Latency: ${tenant.latencyMs} ms. Its application has the scopes that return secrets: ${secretScopes.join(', ')}. The tenant does not change during the run.`,
    `Airbyte's connector: airbyte-source-auth0 ${readPin('airbyte-source-auth0')}, airbyte-cdk ${readPin('airbyte-cdk')}, the last release with a Python package; later ones are not measured. ${
      signIn === undefined
        ? ''
        : `Its sign-in with client ID and secret fails ("${shorten(signIn)}"), so it gets an access token. `
    }${describeErrors(byConnector)}`,
    `SDK loop: Auth0's SDK, one request at a time, up to 10 retries. It pages users by creation time. The SDK's own paging gives ${paging.users.toLocaleString('en')} users${paging.error === undefined ? '' : `, then fails: "${shorten(paging.error)}"`}.`,
    'Rows are compared by user, client, organization, member or role ID, because the rows of the connector name neither organization nor member. Requests made twice: those of both runs less those of an uninterrupted one, as a share of the requests before the kill.',
    'After the kill, the two Airbyte sources get their last states for all streams, as from a platform with resumable full refresh. `rollcall sync` and the loop run again in the same folder. A reader resumes if it makes at most 25 % of the requests before the kill twice, and starts over from 50 %.',
  ];
  process.stdout.write(
    `${writeMarkdown(compareReaders(measured))}\n\n${notes.map((note) => `- ${note}`).join('\n')}\n\n`,
  );
  conclude(measured.slice(0, 2).flatMap(findBrokenClaims));
}

/** What must be true of Rollcall; of the others nothing is claimed. */
function findBrokenClaims({ name, read, kill }: Measured): string[] {
  const claims = {
    'the read fails': read.exitCode === 0,
    'rows are lost': read.rows.delivered === read.rows.expected && read.mergedByKeys === 0,
    'secrets are written': read.secrets === 0,
    'requests are refused': read.refused === 0,
    'rows are lost after a kill': kill.lost === 0,
    'rows are written twice after a kill': name !== rollcallSync.name || kill.rowsTwice === 0,
  };
  return Object.entries(claims).flatMap(([failure, holds]) => (holds ? [] : [`${name}: ${failure}`]));
}

function describe(holdings: Record<string, number>): string {
  return Object.entries(holdings)
    .map(([stream, rows]) => `${rows.toLocaleString('en')} ${stream.replaceAll('_', ' ')}`)
    .join(', ');
}

function describeErrors(measured: Measured | undefined): string {
  const errors = measured?.read.errors ?? [];
  if (errors.length === 0) return 'It reports no error.';
  return `It fails: ${errors.map((error) => `"${shorten(error)}"`).join(', ')}.`;
}

/** The message in an error's JSON body, if it has one. Addresses are left out: they are those of this run. */
function shorten(text: string): string {
  const message = /"message": ?"([^"]*)"/.exec(text)?.[1] ?? text;
  return message
    .replace(/ ?(See|for url:|to)? ?https?:\/\/\S+/g, '')
    .replace(/^'|\.$/g, '')
    .slice(0, 200);
}

function readPin(name: string): string {
  const file = join(__dirname, '..', 'test', 'airbyte-consumers', 'requirements-incumbent.txt');
  return new RegExp(`^${name}==(.+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? '?';
}

function report(step: string): void {
  process.stderr.write(`${step}\n`);
}

runBenchmark(module, main);
