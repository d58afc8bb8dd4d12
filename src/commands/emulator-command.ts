import {
  type Emulator,
  type RateLimitPreset,
  type ScenarioName,
  scenarios,
  startEmulator,
  type TenantScenario,
} from 'auth0-emulator';
import { type CommandContext, waitForInterrupt } from '../app/command-context';
import { exitCodes } from '../errors';

export interface EmulatorFlags {
  scenario: ScenarioName;
  /** Default: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Instead of the scenario's numbers. */
  users?: number;
  organizations?: number;
  clients?: number;
  roles?: number;
  seed?: number;
  rateLimits: RateLimitPreset;
  latencyMs?: number;
}

/** Serves an emulated tenant until SIGINT or SIGTERM, and prints how to reach it. */
export async function runEmulator(options: EmulatorFlags, { stdout, signal }: CommandContext): Promise<number> {
  const { rateLimits, port, host, latencyMs } = options;
  const emulator = await startEmulator({
    scenario: resizeScenario(options),
    rateLimits,
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(latencyMs !== undefined && { latencyMs }),
  });
  const interrupted = waitForInterrupt(signal);
  stdout.write(describeEmulator(emulator));
  await interrupted.promise;
  interrupted.release();
  await emulator.close();
  return exitCodes.ok;
}

function resizeScenario(options: EmulatorFlags): TenantScenario {
  const scenario: TenantScenario = scenarios[options.scenario];
  const { users, organizations, clients, roles } = scenario;
  return {
    ...(options.seed !== undefined && { seed: options.seed }),
    users: options.users === undefined ? users : resizeUsers(users, options.users),
    organizations: { ...organizations, count: options.organizations ?? organizations.count },
    clients: { count: options.clients ?? clients.count },
    roles: { ...roles, count: options.roles ?? roles.count },
  };
}

/** Drops the groups of users created at the same time when they are more than `count`. */
function resizeUsers(users: TenantScenario['users'], count: number): TenantScenario['users'] {
  const { ties = [] } = users;
  const tied = ties.reduce((sum, { size }) => sum + size, 0);
  return { ...users, count, ties: tied > count ? [] : ties };
}

function describeEmulator({ url, clientId, clientSecret, audience }: Emulator): string {
  const credentials = {
    auth_type: 'oauth2_confidential_application',
    client_id: clientId,
    client_secret: clientSecret,
    audience,
  };
  const config = { base_url: url, credentials, start_date: '2022-01-01T00:00:00Z' };
  return `Emulated Auth0 tenant is running. Press Ctrl-C to stop.

  url            ${url}
  client id      ${clientId}
  client secret  ${clientSecret}
  audience       ${audience}
  statistics     ${url}/_emulator/stats

Configuration for source-auth0:

${JSON.stringify(config, null, 2)}
`;
}
