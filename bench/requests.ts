import { type Emulator, scenarios, startEmulator, type TenantScenario } from 'auth0-emulator';
import type { SyncResult } from '../src/workflows/contract';
import {
  allowance,
  countHoldings,
  countLeastRequests,
  countLeastRequestsForChanges,
  type RequestCounts,
} from './support/least-requests';
import { countRecords, runSync, withFolder, writeProject } from './support/project';
import { conclude, printTable, runBenchmark, sum } from './support/report';

/** Users that change before the second sync. */
const changes = 250;

const none = { organizations: { count: 0 }, clients: { count: 0 }, roles: { count: 0 } };

/** Tenants by the names of docs/benchmarks.md. */
export const requestScenarios: Record<string, TenantScenario> = {
  small: scenarios.small,
  caps: scenarios.caps,
  empty: scenarios.empty,
  large: scenarios.large,
  'owned roles': scenarios['owned-roles'],
  '20,000 users': { ...none, users: { count: 20_000 } },
  'one organization of 5,000 members': {
    ...none,
    users: { count: 6_000 },
    organizations: { count: 1, members: 5_000 },
    roles: { count: 10 },
  },
};

/** The cost of a stream: requests as the tenant counted them. */
export interface RequestCost {
  stream: string;
  /** Records copied. */
  rows: number;
  requests: number;
  least: number;
}

/** By kind of request: the stream that needs it, and its endpoints. */
const requestKinds = {
  clients: { stream: 'clients', endpoints: ['clients'] },
  users: { stream: 'users', endpoints: ['users'] },
  organizations: { stream: 'organizations', endpoints: ['organizations'] },
  members: { stream: 'organization_members', endpoints: ['members'] },
  roles: { stream: 'organization_member_roles', endpoints: ['roles', 'role'] },
} as const satisfies Record<keyof RequestCounts, { stream: string; endpoints: readonly string[] }>;

export function isWithinAllowance({ requests, least }: RequestCost): boolean {
  return requests <= allowance(least);
}

/**
 * Syncs all streams of a tenant twice: a full refresh, and an incremental sync after `changes` of its users have changed.
 * Returns the cost of each stream and, last, of all streams together.
 * @param sync runs `rollcall sync acme --json` in a folder; default: as a process
 */
export async function measureRequests(
  scenario: TenantScenario,
  changes: number,
  sync: typeof runSync = runSync,
): Promise<{ full: RequestCost[]; later: RequestCost[] }> {
  const tenant = await startEmulator({ scenario });
  try {
    return await withFolder(async (folder) => {
      await writeProject(folder, tenant);
      const least = countLeastRequests(countHoldings(tenant.tenant));
      const full = readCosts(await sync(folder, ['--full']), tenant, least);
      tenant.resetStatistics();
      const changed = changeUsers(tenant, changes);
      const users = countLeastRequestsForChanges(changed, countUsersWithoutUpdate(tenant));
      const later = readCosts(await sync(folder, []), tenant, { ...least, users });
      return { full, later };
    });
  } finally {
    await tenant.close();
  }
}

function readCosts(result: SyncResult, tenant: Emulator, least: RequestCounts): RequestCost[] {
  const { byRoute, requests } = tenant.readStatistics();
  const kinds = Object.keys(requestKinds) as (keyof RequestCounts)[];
  const costs = kinds.map((kind): RequestCost => {
    const { stream, endpoints } = requestKinds[kind];
    const answers = endpoints.flatMap((endpoint) => Object.values(byRoute[endpoint] ?? {}));
    return { stream, rows: countRecords(result, stream), requests: sum(answers), least: least[kind] };
  });
  const rows = sum(costs.map((cost) => cost.rows));
  return [...costs, { stream: 'all', rows, requests, least: sum(costs.map((cost) => cost.least)) }];
}

/** Milliseconds between two changes. Many changes with one timestamp would be a tie, which costs more requests. */
const changeIntervalMs = 300;

/** Changes users throughout the list, within the look-back of the next sync. Returns their number. */
function changeUsers({ tenant }: Emulator, most: number): number {
  const { size } = tenant.users;
  const changed = Math.min(most, size);
  const now = Date.now();
  for (let nth = 0; nth < changed; nth += 1) {
    const user = tenant.users.read(Math.floor((nth * size) / changed));
    const patch = { updated_at: new Date(now - nth * changeIntervalMs).toISOString() };
    tenant.apply({ type: 'updateUser', user_id: user?.['user_id'] as string, patch });
  }
  return changed;
}

function countUsersWithoutUpdate({ tenant }: Emulator): number {
  let count = 0;
  for (const user of tenant.users.iterateUsers()) count += user['updated_at'] == null ? 1 : 0;
  return count;
}

async function main(): Promise<void> {
  const failures: string[] = [];
  for (const [name, scenario] of Object.entries(requestScenarios)) {
    const { full, later } = await measureRequests(scenario, changes);
    for (const [run, costs] of Object.entries({ [`${name}: full refresh`]: full, [`${name}: changes`]: later })) {
      printTable(run, costs.map(toRow));
      failures.push(...costs.filter((cost) => !isWithinAllowance(cost)).map(({ stream }) => `${run}, ${stream}`));
    }
  }
  conclude(failures);
}

function toRow(cost: RequestCost): Record<string, string | number> {
  const { least, ...rest } = cost;
  return {
    ...rest,
    minimum: least,
    ratio: least === 0 ? '' : (cost.requests / least).toFixed(3),
    allowance: allowance(least),
    verdict: isWithinAllowance(cost) ? 'within' : 'OVER',
  };
}

runBenchmark(module, main);
