import { type Emulator, startEmulator, type TenantScenario } from 'auth0-emulator';
import type { SyncResult } from '../src/workflows/contract';
import { allowance, countHoldings, leastRequests, leastRequestsForChanges, type Requests } from './least-requests';
import { inScratch, recordsOf, sync, writeProject } from './sync';

/** What a stream cost: requests as the tenant counted them. */
export interface Cost {
  stream: string;
  /** Records copied. */
  rows: number;
  requests: number;
  least: number;
}

/** Stream and endpoints that are asked for nothing but its sake. */
const sources = {
  clients: { stream: 'clients', endpoints: ['clients'] },
  users: { stream: 'users', endpoints: ['users'] },
  organizations: { stream: 'organizations', endpoints: ['organizations'] },
  members: { stream: 'organization_members', endpoints: ['members'] },
  roles: { stream: 'organization_member_roles', endpoints: ['roles', 'role'] },
} as const satisfies Record<keyof Requests, { stream: string; endpoints: readonly string[] }>;

export function isWithin({ requests, least }: Cost): boolean {
  return requests <= allowance(least);
}

/**
 * Copies all streams of a tenant twice: a full refresh, and, after `changes` of its users have changed, what an incremental
 * run reads. Answers what each of them cost, by stream and, last, altogether.
 */
export async function countRequests(
  scenario: TenantScenario,
  changes: number,
): Promise<{ full: Cost[]; later: Cost[] }> {
  const tenant = await startEmulator({ scenario });
  try {
    return await inScratch(async (folder) => {
      await writeProject(folder, tenant);
      const least = leastRequests(countHoldings(tenant.tenant));
      const full = costsOf(await sync(folder, ['--full']), tenant, least);
      tenant.resetStatistics();
      const changed = changeUsers(tenant, changes);
      const users = leastRequestsForChanges(changed, countUsersWithoutUpdate(tenant));
      const later = costsOf(await sync(folder, []), tenant, { ...least, users });
      return { full, later };
    });
  } finally {
    await tenant.close();
  }
}

function costsOf(result: SyncResult, tenant: Emulator, least: Requests): Cost[] {
  const { byRoute, requests } = tenant.readStatistics();
  const names = Object.keys(sources) as (keyof Requests)[];
  const costs = names.map((name): Cost => {
    const { stream, endpoints } = sources[name];
    const answers = endpoints.flatMap((endpoint) => Object.values(byRoute[endpoint] ?? {}));
    return { stream, rows: recordsOf(result, stream), requests: sum(answers), least: least[name] };
  });
  const rows = sum(costs.map((cost) => cost.rows));
  return [...costs, { stream: 'all', rows, requests, least: sum(costs.map((cost) => cost.least)) }];
}

/** Milliseconds between two changes: as many as a page holds on one instant would be a tie, and cost more. */
const pause = 300;

/** Changes users all over the tenant's life, within the look-back of the next run; answers how many. */
function changeUsers({ tenant }: Emulator, most: number): number {
  const { size } = tenant.users;
  const changed = Math.min(most, size);
  const now = Date.now();
  for (let nth = 0; nth < changed; nth += 1) {
    const user = tenant.users.read(Math.floor((nth * size) / changed));
    const patch = { updated_at: new Date(now - nth * pause).toISOString() };
    tenant.apply({ type: 'updateUser', user_id: user?.['user_id'] as string, patch });
  }
  return changed;
}

function countUsersWithoutUpdate({ tenant }: Emulator): number {
  let count = 0;
  for (const user of tenant.users.iterateUsers()) count += user['updated_at'] == null ? 1 : 0;
  return count;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
