import { dirname, relative, resolve } from 'node:path';
import { readEnvironment } from '../config/environment';
import { connectionOf, loadProject, type Connection } from '../config/project';
import { streams } from '../streams/registry';
import { exitCodes } from './exit';
import { exitCodeOfFindings, lineOf, ok, warning, wrongOf, type Finding } from './finding';
import { destinationFinding, stagingFinding } from './place-findings';
import { stagingDirOf } from './project-folder';
import { temporalFindings } from './temporal-findings';
import { tenantFindings } from './tenant-findings';

export interface DoctorFlags {
  /** The project's file. */
  config: string;
  fix?: boolean;
  json?: boolean;
}

/** Looks at all that a sync needs, and says what is amiss and what to do about it; nothing stops it from looking on. */
export async function doctor(name: string | undefined, { config, fix = false, json }: DoctorFlags): Promise<number> {
  const { finding, connections } = await connectionsIn(config, name);
  const shared = await sharedFindings(config, fix);
  const ofConnections = await Promise.all(connections.map(connectionFindings));
  const findings = [finding, ...shared, ...ofConnections.flat()];
  const code = exitCodeOfFindings(findings);
  process.stdout.write(`${json ? JSON.stringify({ ok: code === exitCodes.ok, findings }) : textOf(findings)}\n`);
  return code;
}

async function connectionsIn(
  config: string,
  name: string | undefined,
): Promise<{ finding: Finding; connections: Connection[] }> {
  const check = 'configuration';
  try {
    const project = await loadProject(config, streams);
    const connections = name === undefined ? [...project.connections.values()] : [connectionOf(project, name)];
    const names = [...project.connections.keys()].join(', ');
    const file = relative('.', project.file);
    const finding =
      names === ''
        ? warning(check, `${file} names no connection.`, 'Add one: rollcall init')
        : ok(check, `${file} names ${names}.`);
    return { finding, connections };
  } catch (error) {
    return { finding: wrongOf(check, error), connections: [] };
  }
}

async function sharedFindings(config: string, fix: boolean): Promise<Finding[]> {
  try {
    const { taskQueue, stagingDir } = readEnvironment();
    const staging = stagingDirOf(dirname(resolve(config)), stagingDir);
    return [...(await temporalFindings(taskQueue, fix)), await stagingFinding(staging)];
  } catch (error) {
    return [wrongOf('environment', error)];
  }
}

async function connectionFindings(connection: Connection): Promise<Finding[]> {
  const [tenant, destination] = await Promise.all([tenantFindings(connection), destinationFinding(connection)]);
  return [destination, ...tenant].map((finding) => ({ ...finding, connection: connection.name }));
}

/** A line for each finding, in sections by connection, of at most 80 columns. */
function textOf(findings: readonly Finding[]): string {
  const sections = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { connection = '' } = finding;
    sections.set(connection, [...(sections.get(connection) ?? []), finding]);
  }
  const count = (state: Finding['state']): number => findings.filter((each) => each.state === state).length;
  const [wrongs, warnings] = [count('wrong'), count('warning')];
  return [
    ...[...sections].map(([connection, some]) =>
      [...(connection === '' ? [] : [connection]), ...some.map(lineOf)].join('\n'),
    ),
    wrongs + warnings === 0 ? 'All is well.' : `${wrongs} wrong, ${warnings} to look at.`,
  ].join('\n\n');
}
