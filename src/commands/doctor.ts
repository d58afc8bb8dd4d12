import { dirname, relative, resolve } from 'node:path';
import { resolveStagingDir } from '../app/project-folder';
import { readEnvironment } from '../config/environment';
import { type Connection, getConnection, loadProject } from '../config/project';
import { exitCodes } from '../errors';
import { inspectDestination, inspectStaging, inspectTemporal } from '../preflight/environment-checks';
import {
  createOkFinding,
  createWarning,
  type Finding,
  formatFinding,
  getFindingsExitCode,
  toErrorFinding,
} from '../preflight/finding';
import { inspectTenant } from '../preflight/tenant-checks';
import { streams } from '../streams/registry';

export interface DoctorFlags {
  /** The project's file. */
  config: string;
  fix?: boolean;
  json?: boolean;
}

/** Looks at all that a sync needs, and says what is amiss and what to do about it; nothing stops it from looking on. */
export async function runDoctor(name: string | undefined, { config, fix = false, json }: DoctorFlags): Promise<number> {
  const { finding, connections } = await loadConnections(config, name);
  const shared = await inspectEnvironment(config, fix);
  const ofConnections = await Promise.all(connections.map(inspectConnection));
  const findings = [finding, ...shared, ...ofConnections.flat()];
  const code = getFindingsExitCode(findings);
  process.stdout.write(
    `${json ? JSON.stringify({ ok: code === exitCodes.ok, findings }) : formatFindings(findings)}\n`,
  );
  return code;
}

async function loadConnections(
  config: string,
  name: string | undefined,
): Promise<{ finding: Finding; connections: Connection[] }> {
  const check = 'configuration';
  try {
    const project = await loadProject(config, streams);
    const connections = name === undefined ? [...project.connections.values()] : [getConnection(project, name)];
    const names = [...project.connections.keys()].join(', ');
    const file = relative('.', project.file);
    const finding =
      names === ''
        ? createWarning(check, `${file} contains no connections.`, 'Add one with `rollcall init`.')
        : createOkFinding(check, `${file} contains ${names}.`);
    return { finding, connections };
  } catch (error) {
    return { finding: toErrorFinding(check, error), connections: [] };
  }
}

async function inspectEnvironment(config: string, fix: boolean): Promise<Finding[]> {
  try {
    const { taskQueue, stagingDir } = readEnvironment();
    const staging = resolveStagingDir(dirname(resolve(config)), stagingDir);
    return [...(await inspectTemporal(taskQueue, fix)), await inspectStaging(staging)];
  } catch (error) {
    return [toErrorFinding('environment', error)];
  }
}

async function inspectConnection(connection: Connection): Promise<Finding[]> {
  const [tenant, destination] = await Promise.all([inspectTenant(connection), inspectDestination(connection)]);
  return [destination, ...tenant].map((finding) => ({ ...finding, connection: connection.name }));
}

/** A line for each finding, in sections by connection, of at most 80 columns. */
function formatFindings(findings: readonly Finding[]): string {
  const sections = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { connection = '' } = finding;
    sections.set(connection, [...(sections.get(connection) ?? []), finding]);
  }
  const count = (state: Finding['state']): number => findings.filter((each) => each.state === state).length;
  const [wrongs, warnings] = [count('wrong'), count('warning')];
  return [
    ...[...sections].map(([connection, some]) =>
      [...(connection === '' ? [] : [connection]), ...some.map(formatFinding)].join('\n'),
    ),
    wrongs + warnings === 0
      ? 'All checks passed.'
      : `${formatCount(wrongs, 'error')}, ${formatCount(warnings, 'warning')}.`,
  ].join('\n\n');
}

/** `1 error`, `2 warnings` */
function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
