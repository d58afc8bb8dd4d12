import { scenarios, type TenantScenario } from 'auth0-emulator';
import { allowance } from './least-requests';
import { countRequests, isWithin, type Cost } from './request-count';
import { conclude, printTable } from './table';

/** Users that change before the second run. */
const changes = 250;

const none = { organizations: { count: 0 }, clients: { count: 0 }, roles: { count: 0 } };

const tenants: Record<string, TenantScenario> = {
  small: scenarios.small,
  caps: scenarios.caps,
  empty: scenarios.empty,
  large: scenarios.large,
  'owned-roles': scenarios['owned-roles'],
  '20,000 users': { ...none, users: { count: 20_000 } },
  'an organization of 5,000': {
    ...none,
    users: { count: 6_000 },
    organizations: { count: 1, members: 5_000 },
    roles: { count: 10 },
  },
};

async function main(): Promise<void> {
  const over: string[] = [];
  for (const [name, scenario] of Object.entries(tenants)) {
    const { full, later } = await countRequests(scenario, changes);
    for (const [run, costs] of Object.entries({ [`${name}: full refresh`]: full, [`${name}: then`]: later })) {
      printTable(run, costs.map(rowOf));
      over.push(...costs.filter((cost) => !isWithin(cost)).map(({ stream }) => `${run}, ${stream}`));
    }
  }
  conclude(over);
}

function rowOf(cost: Cost): Record<string, string | number> {
  return {
    ...cost,
    ratio: cost.least === 0 ? '' : (cost.requests / cost.least).toFixed(3),
    allowance: allowance(cost.least),
    verdict: isWithin(cost) ? 'within' : 'OVER',
  };
}

void main();
