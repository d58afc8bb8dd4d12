import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { startEmulator, type TenantScenario } from 'auth0-emulator';
import { connect } from '../src/temporal/connection';
import { locateTemporal } from '../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../src/temporal/embedded-server/embedded-server';
import { readWorkflowHistories } from '../test/support/histories';
import { start } from '../test/support/program';
import { allowance, countHoldings, countLeastRequests } from './support/least-requests';
import { countRecords, runSync, withFolder, writeProject } from './support/project';
import { conclude, printTable, runBenchmark, sum } from './support/report';

/** The history of one run of a workflow. */
interface RunHistory {
  workflowId: string;
  /** As the server counts them. */
  bytes: number;
  events: number;
  /** True when the workflow continued in a further run. */
  continued: boolean;
  /** Bytes of the longest input of a fetch. */
  longestInput: number;
}

/** The cost of a sync of a tenant's organizations, members and member roles. */
export interface HistoryCost {
  organizations: number;
  members: number;
  /** For the member lists. */
  requests: number;
  /** The minimum for the member lists. */
  least: number;
  seconds: number;
  runs: RunHistory[];
  /** Of all runs of all workflows. */
  bytes: number;
  events: number;
  /** Bytes of the longest history. */
  longest: number;
}

/** Most bytes of history per organization of a few members: 5 MB for 100,000. */
export const maxBytesPerOrganization = 50;
/** Most bytes of one history. */
const maxHistoryBytes = 10_000_000;

/**
 * Syncs with a worker process, on a server that still has the histories afterwards.
 * @param settings of the connection
 */
export async function measureHistory(scenario: TenantScenario, settings: object = {}): Promise<HistoryCost> {
  return withFolder(async (folder) => {
    const tenant = await startEmulator({ scenario });
    const server = await startEmbeddedServer({
      binary: locateTemporal(process.env),
      logFile: join(folder, 'temporal.log'),
    });
    const env = { TEMPORAL_ADDRESS: server.address };
    const streams = ['organizations', 'organization_members', 'organization_member_roles'];
    await writeProject(folder, tenant, streams, settings);
    const worker = start('rollcall', ['worker'], { cwd: folder, env });
    try {
      await worker.says('Polling task queue');
      const startedAt = performance.now();
      const result = await runSync(folder, [], env);
      const seconds = (performance.now() - startedAt) / 1_000;
      const connection = await connect(server);
      const runs = await readHistories(connection.client, 'sync/acme');
      await connection.close();
      const { members: requests = {} } = tenant.readStatistics().byRoute;
      return {
        organizations: countRecords(result, 'organizations'),
        members: countRecords(result, 'organization_members'),
        requests: sum(Object.values(requests)),
        least: countLeastRequests(countHoldings(tenant.tenant)).members,
        seconds,
        runs,
        bytes: sum(runs.map((run) => run.bytes)),
        events: sum(runs.map((run) => run.events)),
        longest: Math.max(...runs.map((run) => run.bytes)),
      };
    } finally {
      worker.child.kill('SIGTERM');
      await worker.ended;
      await server.stop();
      await tenant.close();
    }
  });
}

/** The histories of a workflow and of its children, each with the runs that it continued as. */
async function readHistories(client: Client, root: string): Promise<RunHistory[]> {
  const runs = await readWorkflowHistories(client, root);
  return Promise.all(
    runs.map(async ({ workflowId, history: { events } }) => {
      const runId = events?.[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? undefined;
      const { raw, historyLength } = await client.workflow.getHandle(workflowId, runId).describe();
      const inputs = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType?.name === 'fetchPages' ? (scheduled.input?.payloads ?? []) : [],
      );
      return {
        workflowId,
        bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
        events: historyLength,
        continued: (events ?? []).some((event) => event.workflowExecutionContinuedAsNewEventAttributes),
        longestInput: Math.max(0, ...inputs.map(({ data }) => data?.length ?? 0)),
      };
    }),
  );
}

const clients = { count: 0 };
const roles = { count: 20 };

const scenarios: Record<string, TenantScenario> = {
  '100,000 organizations of 0 to 3 members': {
    users: { count: 20_000 },
    organizations: { count: 100_000, members: { min: 0, max: 3 } },
    clients,
    roles,
  },
  'one organization of 100,000 members': {
    users: { count: 120_000 },
    organizations: { count: 1, members: 100_000 },
    clients,
    roles,
  },
};

async function main(): Promise<void> {
  const failures: string[] = [];
  for (const [name, scenario] of Object.entries(scenarios)) {
    const cost = await measureHistory(scenario);
    print(name, cost);
    failures.push(...findFailures(cost).map((failure) => `${name}: ${failure}`));
  }
  conclude(failures);
}

function print(name: string, { runs, ...cost }: HistoryCost): void {
  printTable(name, [
    {
      ...cost,
      seconds: Math.round(cost.seconds),
      'continued as new': runs.filter(({ continued }) => continued).length,
      'bytes per organization': Math.round(cost.bytes / cost.organizations),
    },
  ]);
  printTable(
    `${name}: histories`,
    runs.map(({ continued, ...run }) => ({ ...run, continued: continued ? 'yes' : 'no' })),
  );
}

function findFailures({ organizations, requests, least, bytes, longest }: HistoryCost): string[] {
  const each = bytes / organizations;
  return [
    ...(requests > allowance(least) ? [`${requests} requests for the members instead of ${least}`] : []),
    ...(organizations > 1 && each > maxBytesPerOrganization ? [`${Math.round(each)} bytes per organization`] : []),
    ...(longest > maxHistoryBytes ? [`a history of ${longest} bytes`] : []),
  ];
}

runBenchmark(module, main);
