import { dirname, relative, resolve } from 'node:path';
import type { CommandContext, OptionalConnectionCommand } from '../app/command-context';
import { resolveStagingDir } from '../app/project-folder';
import { readEnvironment } from '../config/environment';
import { type Connection, getConnection, loadProject } from '../config/project';
import { exitCodes } from '../errors';
import { inspectDestination, inspectStaging, inspectTemporal } from '../preflight/environment-checks';
import {
  createOkFinding,
  createWarning,
  type Finding,
  getFindingsExitCode,
  toErrorFinding,
} from '../preflight/finding';
import { inspectTenant } from '../preflight/tenant-checks';
import { streams } from '../streams/registry';
import { formatFinding } from './terminal/status-text';
import { formatCount } from './terminal/text';

export interface DoctorFlags {
  /** Project file. */
  config: string;
  fix?: boolean;
  json?: boolean;
}

/** Checks everything that a sync needs. A failed check does not stop the others. */
export const runDoctor: OptionalConnectionCommand<DoctorFlags> = async (
  name,
  { config, fix = false, json },
  context,
) => {
  const file = resolve(context.cwd, config);
  const { finding, connections } = await loadConnections(file, name, context.cwd);
  const shared = await inspectEnvironment(file, fix, context);
  const connectionFindings = await Promise.all(connections.map((each) => inspectConnection(each, context)));
  const findings = [finding, ...shared, ...connectionFindings.flat()];
  const code = getFindingsExitCode(findings);
  context.stdout.write(
    `${json ? JSON.stringify({ ok: code === exitCodes.ok, findings }) : formatFindings(findings)}\n`,
  );
  return code;
};

async function loadConnections(
  file: string,
  name: string | undefined,
  cwd: string,
): Promise<{ finding: Finding; connections: Connection[] }> {
  const check = 'configuration';
  try {
    const project = await loadProject(file, streams);
    const connections = name === undefined ? [...project.connections.values()] : [getConnection(project, name)];
    const names = [...project.connections.keys()].join(', ');
    const shown = relative(cwd, file);
    const finding =
      names === ''
        ? createWarning(check, `${shown} contains no connections.`, 'Add one with `rollcall init`.')
        : createOkFinding(check, `${shown} contains ${names}.`);
    return { finding, connections };
  } catch (error) {
    return { finding: toErrorFinding(check, error), connections: [] };
  }
}

async function inspectEnvironment(file: string, fix: boolean, context: CommandContext): Promise<Finding[]> {
  try {
    const { taskQueue, stagingDir } = readEnvironment(context);
    const staging = resolveStagingDir(dirname(file), stagingDir);
    return [
      ...(await inspectTemporal(context, { taskQueue, fix, onLogEntry: context.log.temporal })),
      await inspectStaging(staging),
    ];
  } catch (error) {
    return [toErrorFinding('environment', error)];
  }
}

async function inspectConnection(connection: Connection, context: CommandContext): Promise<Finding[]> {
  const [tenant, destination] = await Promise.all([
    inspectTenant(connection, context),
    inspectDestination(connection, context),
  ]);
  return [destination, ...tenant].map((finding) => ({ ...finding, connection: connection.name }));
}

/** The findings by connection, on lines of at most 80 columns. */
function formatFindings(findings: readonly Finding[]): string {
  const sections = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { connection = '' } = finding;
    sections.set(connection, [...(sections.get(connection) ?? []), finding]);
  }
  const count = (state: Finding['state']): number => findings.filter((each) => each.state === state).length;
  const [errors, warnings] = [count('error'), count('warning')];
  return [
    ...[...sections].map(([connection, sectionFindings]) =>
      [...(connection === '' ? [] : [connection]), ...sectionFindings.map(formatFinding)].join('\n'),
    ),
    errors + warnings === 0
      ? 'All checks passed.'
      : `${formatCount(errors, 'error')}, ${formatCount(warnings, 'warning')}.`,
  ].join('\n\n');
}
