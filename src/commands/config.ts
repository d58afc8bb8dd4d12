import { dirname, relative } from 'node:path';
import { effectiveSettings, type Setting } from '../config/effective';
import { processVariables, readEnvironment } from '../config/environment';
import { connectionOf, loadProject, type Connection } from '../config/project';
import { projectSchema } from '../config/project-schema';
import { resolveDestination, resolveSecrets } from '../config/references';
import { streams } from '../streams/registry';
import { readProfile } from '../temporal/profile';
import { exitCodes } from './exit';
import { paragraph } from './lines';
import { stagingDirOf } from './project-folder';

export interface ConfigShowFlags {
  /** The project's file. */
  config: string;
  json?: boolean;
}

/** Prints the JSON schema of the project's file. */
export function configSchema(): number {
  process.stdout.write(`${JSON.stringify(projectSchema(), undefined, 2)}\n`);
  return exitCodes.ok;
}

/** Prints the settings that hold, and where each comes from; secrets are not shown. */
export async function configShow(name: string | undefined, { config, json }: ConfigShowFlags): Promise<number> {
  const project = await loadProject(config, streams);
  const chosen = name === undefined ? [...project.connections.values()] : [connectionOf(project, name)];
  const connections = [];
  for (const connection of chosen) {
    const settings = await effectiveSettings(project, connection);
    connections.push({ connection: connection.name, settings, problems: await problemsOf(connection) });
  }
  const shown = { file: relative('.', project.file), process: processSettings(project.file), connections };
  const text = json
    ? JSON.stringify(shown)
    : [
        section('This process', shown.process),
        ...connections.map(({ connection, settings, problems }) => section(connection, settings, problems)),
      ].join('\n\n');
  process.stdout.write(`${text}\n`);
  return exitCodes.ok;
}

/** What holds for all connections. */
function processSettings(file: string): Setting[] {
  const variables = processVariables();
  const { taskQueue, stagingDir, heartbeatSeconds, logLevel } = readEnvironment(variables);
  const target = readProfile(variables);
  const from = (variable: string, otherwise = 'default'): string =>
    (variables[variable] ?? '') === '' ? otherwise : variable;
  const profile = from('TEMPORAL_PROFILE', target ? 'Temporal profile' : 'default');
  const staging = stagingDirOf(dirname(file), stagingDir);
  return [
    {
      key: 'temporal.address',
      value: target?.address ?? 'none: sync starts a server',
      origin: from('TEMPORAL_ADDRESS', profile),
    },
    ...(target
      ? [{ key: 'temporal.namespace', value: target.namespace, origin: from('TEMPORAL_NAMESPACE', profile) }]
      : []),
    { key: 'task_queue', value: taskQueue, origin: from('ROLLCALL_TASK_QUEUE') },
    { key: 'staging', value: staging, origin: from('ROLLCALL_STAGING') },
    { key: 'heartbeat_seconds', value: heartbeatSeconds, origin: from('ROLLCALL_HEARTBEAT_SECONDS') },
    { key: 'log_level', value: logLevel, origin: from('LOG_LEVEL') },
  ];
}

/** Why the connection cannot be used as it is. */
async function problemsOf(connection: Connection): Promise<string[]> {
  const attempts = await Promise.allSettled([resolveSecrets(connection), resolveDestination(connection)]);
  return attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [(attempt.reason as Error).message] : []));
}

const keyWidth = 28;

function section(heading: string, settings: readonly Setting[], problems: readonly string[] = []): string {
  const lines = settings.map(({ key, value, origin, problem }) =>
    paragraph(`  ${key.padEnd(keyWidth)}`, `${value}${problem === undefined ? '' : ' (leads nowhere)'} (${origin})`),
  );
  return [heading, ...lines, ...problems.map((problem) => paragraph('  ! ', problem))].join('\n');
}
