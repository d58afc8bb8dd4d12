import { dirname, relative, resolve } from 'node:path';
import type { CommandContext, OptionalConnectionCommand } from '../app/command-context';
import { resolveStagingDir } from '../app/project-folder';
import { type EffectiveSetting, listEffectiveSettings } from '../config/effective-settings';
import { readEnvironment, type ShellContext } from '../config/environment';
import { type Connection, getConnection, loadProject } from '../config/project';
import { createProjectSchema } from '../config/published-schemas';
import { resolveDestination, resolveSecrets } from '../config/references';
import { exitCodes } from '../errors';
import { streams } from '../streams/registry';
import { readProfile } from '../temporal/profile';
import { wrapAfterLead } from './terminal/text';

export interface ConfigShowFlags {
  /** Project file. */
  config: string;
  json?: boolean;
}

/** Prints the JSON schema of the project file. */
export function runConfigSchema(_flags: object, { stdout }: CommandContext): Promise<number> {
  stdout.write(`${JSON.stringify(createProjectSchema(), undefined, 2)}\n`);
  return Promise.resolve(exitCodes.ok);
}

/** Prints the effective settings and their origins. Secrets are hidden. */
export const runConfigShow: OptionalConnectionCommand<ConfigShowFlags> = async (name, { config, json }, context) => {
  const project = await loadProject(resolve(context.cwd, config), streams);
  const chosen = name === undefined ? [...project.connections.values()] : [getConnection(project, name)];
  const connections = [];
  for (const connection of chosen) {
    const settings = await listEffectiveSettings(project, connection, context);
    connections.push({ connection: connection.name, settings, problems: await collectProblems(connection, context) });
  }
  const shown = {
    file: relative(context.cwd, project.file),
    process: listProcessSettings(project.file, context),
    connections,
  };
  const text = json
    ? JSON.stringify(shown)
    : [
        formatSection('This process', shown.process),
        ...connections.map(({ connection, settings, problems }) => formatSection(connection, settings, problems)),
      ].join('\n\n');
  context.stdout.write(`${text}\n`);
  return exitCodes.ok;
};

/** The settings of all connections. */
function listProcessSettings(file: string, shell: ShellContext): EffectiveSetting[] {
  const variables = shell.env;
  const { taskQueue, stagingDir, heartbeatSeconds, logLevel } = readEnvironment(shell);
  const target = readProfile(variables);
  const from = (variable: string, otherwise = 'default'): string =>
    (variables[variable] ?? '') === '' ? otherwise : variable;
  const profile = from('TEMPORAL_PROFILE', target ? 'Temporal profile' : 'default');
  const staging = resolveStagingDir(dirname(file), stagingDir);
  return [
    {
      key: 'temporal.address',
      value: target?.address ?? 'none; sync starts a local server',
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

/** Settings that cannot be resolved. */
async function collectProblems(connection: Connection, shell: ShellContext): Promise<string[]> {
  const attempts = await Promise.allSettled([resolveSecrets(connection, shell), resolveDestination(connection, shell)]);
  return attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [(attempt.reason as Error).message] : []));
}

const keyWidth = 28;

function formatSection(
  heading: string,
  settings: readonly EffectiveSetting[],
  problems: readonly string[] = [],
): string {
  const lines = settings.map(({ key, value, origin, problem }) =>
    wrapAfterLead(
      `  ${key.padEnd(keyWidth)}`,
      `${value}${problem === undefined ? '' : ' (cannot be resolved)'} (${origin})`,
    ),
  );
  return [heading, ...lines, ...problems.map((problem) => wrapAfterLead('  ! ', problem))].join('\n');
}
