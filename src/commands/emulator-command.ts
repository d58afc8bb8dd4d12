import {
  type Emulator,
  RATE_LIMIT_PRESETS,
  type RateLimitPreset,
  type ScenarioName,
  SCENARIOS,
  startEmulator,
  type TenantScenario,
} from 'auth0-emulator';
import { ConfigError } from '../errors';

export interface EmulatorFlags {
  /** A key of SCENARIOS. */
  scenario: string;
  /** Default: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** These replace the scenario's numbers. */
  users?: number;
  organizations?: number;
  clients?: number;
  roles?: number;
  seed?: number;
  /** A key of RATE_LIMIT_PRESETS. Default `unlimited`. */
  rateLimits?: string;
  latencyMs?: number;
}

/** Serves an emulated tenant, says on stdout how to reach it, and returns once SIGINT or SIGTERM has ended it. */
export async function runEmulator(options: EmulatorFlags): Promise<void> {
  const { rateLimits = 'unlimited', port, host, latencyMs } = options;
  const emulator = await startEmulator({
    scenario: resizeScenario(options),
    rateLimits: parseChoice<RateLimitPreset>('--rate-limits', RATE_LIMIT_PRESETS, rateLimits),
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(latencyMs !== undefined && { latencyMs }),
  });
  const ended = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  process.stdout.write(describeEmulator(emulator));
  await ended;
  await emulator.close();
}

function resizeScenario(options: EmulatorFlags): TenantScenario {
  const scenario: TenantScenario = SCENARIOS[parseChoice<ScenarioName>('--scenario', SCENARIOS, options.scenario)];
  const { users, organizations, clients, roles } = scenario;
  return {
    ...(options.seed !== undefined && { seed: options.seed }),
    users: options.users === undefined ? users : resizeUsers(users, options.users),
    organizations: { ...organizations, count: options.organizations ?? organizations.count },
    clients: { count: options.clients ?? clients.count },
    roles: { ...roles, count: options.roles ?? roles.count },
  };
}

/** Users created together are left out when there is no room for them. */
function resizeUsers(users: TenantScenario['users'], count: number): TenantScenario['users'] {
  const { ties = [] } = users;
  const tied = ties.reduce((sum, { size }) => sum + size, 0);
  return { ...users, count, ties: tied > count ? [] : ties };
}

function parseChoice<Key extends string>(flag: string, table: Readonly<Record<Key, unknown>>, name: string): Key {
  if (Object.hasOwn(table, name)) return name as Key;
  throw new ConfigError(`${flag} has an unknown value`, flag, `Use one of ${Object.keys(table).join(', ')}.`);
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
