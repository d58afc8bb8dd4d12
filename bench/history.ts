import type { TenantScenario } from 'auth0-emulator';
import { measureHistory, mostBytesOfHistory, mostBytesPerOrganization, type HistoryCost } from './history-cost';
import { allowance } from './least-requests';
import { conclude, printTable } from './table';

const clients = { count: 0 };
const roles = { count: 20 };

const many: TenantScenario = {
  users: { count: 20_000 },
  organizations: { count: 100_000, members: { min: 0, max: 3 } },
  clients,
  roles,
};
const one: TenantScenario = {
  users: { count: 120_000 },
  organizations: { count: 1, members: 100_000 },
  clients,
  roles,
};

async function main(): Promise<void> {
  const failures: string[] = [];
  const costs = { '100,000 organizations of 0 to 3 members': many, 'one organization of 100,000 members': one };
  for (const [name, scenario] of Object.entries(costs)) {
    const cost = await measureHistory(scenario);
    print(name, cost);
    failures.push(...failuresOf(cost).map((failure) => `${name}: ${failure}`));
  }
  conclude(failures);
}

function print(name: string, { runs, ...cost }: HistoryCost): void {
  printTable(name, [
    {
      ...cost,
      seconds: Math.round(cost.seconds),
      'continued as new': runs.filter(({ continued }) => continued).length,
      'bytes each': Math.round(cost.bytes / cost.organizations),
    },
  ]);
  printTable(
    'its histories',
    runs.map(({ continued, ...run }) => ({ ...run, continued: continued ? 'yes' : 'no' })),
  );
}

function failuresOf({ organizations, requests, least, bytes, longest }: HistoryCost): string[] {
  const each = bytes / organizations;
  return [
    ...(requests > allowance(least) ? [`${requests} requests for the members instead of ${least}`] : []),
    ...(organizations > 1 && each > mostBytesPerOrganization ? [`${Math.round(each)} bytes an organization`] : []),
    ...(longest > mostBytesOfHistory ? [`a history of ${longest} bytes`] : []),
  ];
}

void main();
