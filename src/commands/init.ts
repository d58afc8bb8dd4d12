import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../config/errors';
import { loadProject, parseConnection, refuseSharedDestinations, type Project } from '../config/project';
import type { WrittenConnection } from '../config/project-file';
import { addConnection } from '../config/project-writer';
import { referenceOf } from '../config/references';
import { streams } from '../streams/registry';
import type { ConnectionFlags } from './connection';
import { exitCodes } from './exit';
import { exitCodeOfFindings, lineOf, type Finding } from './finding';
import { destinationFinding } from './place-findings';
import { narrate } from './narration';
import { tenantFindings } from './tenant-findings';

export interface InitFlags extends ConnectionFlags {
  /** Database to copy into, in place of a folder. */
  postgres?: string;
  /** False: nothing is asked. */
  input: boolean;
  /** False: the credentials are not tried. */
  check: boolean;
}

/** A connection as it is to be written; what is not known yet is absent. */
export interface Draft {
  name?: string | undefined;
  settings: Partial<WrittenConnection>;
}

/** Somebody to ask. */
export interface Interviewer {
  /** Asks for what is missing; undefined when the one who is asked gives up. */
  complete(draft: Draft, taken: readonly string[]): Promise<Draft | undefined>;
  /** Whether a connection that does not work is to be written all the same. */
  insists(): Promise<boolean>;
}

/** Writes a connection into the project's file, once its credentials have been tried; asks for what flags do not say. */
export async function init(name: string | undefined, flags: InitFlags): Promise<number> {
  const file = resolve(flags.config);
  const project: Pick<Project, 'connections'> = existsSync(file)
    ? await loadProject(file, streams)
    : { connections: new Map() };
  const taken = [...project.connections.keys()];
  const given: Draft = { name, settings: settingsOf(flags) };
  const interviewer =
    flags.input && process.stdin.isTTY && process.stderr.isTTY
      ? (await import('./interview.js')).createInterviewer(dirname(file))
      : undefined;
  const draft = interviewer ? await interviewer.complete(given, taken) : given;
  if (!draft) return exitCodes.interrupted;
  const { name: chosen, settings } = complete(draft);
  refuseTaken(chosen, taken, flags.config);

  const connection = parseConnection(chosen, settings, streams, dirname(file));
  refuseSharedDestinations([...project.connections.values(), connection]);
  const findings = flags.check ? [...(await tenantFindings(connection)), await destinationFinding(connection)] : [];
  for (const finding of findings) narrate(lineOf(finding));
  if (findings.some(isShut) && !(await interviewer?.insists())) {
    narrate(`${flags.config} was not changed.${interviewer ? '' : ' --no-check writes it without trying.'}`);
    return exitCodeOfFindings(findings);
  }
  await addConnection(file, chosen, settings);
  narrate(`${flags.config} has the connection ${chosen}. Next: rollcall sync ${chosen}`);
  return exitCodeOfFindings(findings);
}

/** The tenant does not let us in at all; what else is amiss can be mended with the file written. */
function isShut({ state, check }: Finding): boolean {
  return state === 'wrong' && (check === 'tenant' || check === 'credentials');
}

function refuseTaken(name: string, taken: readonly string[], file: string): void {
  if (!taken.includes(name)) return;
  throw new ConfigError(`${file} has a connection ${name} already`, name, 'Choose another name, or edit the file.');
}

const secretFlags = { clientSecret: '--client-secret', privateKey: '--private-key', accessToken: '--access-token' };

function settingsOf(flags: InitFlags): Partial<WrittenConnection> {
  for (const [key, flag] of Object.entries(secretFlags)) {
    const value = flags[key as keyof typeof secretFlags];
    if (value === undefined || referenceOf(value)) continue;
    const nextStep = `Give it as ${flag} env:NAME or ${flag} file:PATH: the file must not hold it.`;
    throw new ConfigError(`${flag} is no reference`, flag, nextStep);
  }
  const { domain, baseUrl, clientId, clientSecret, privateKey, accessToken, audience, startDate } = flags;
  const credentials = without({
    client_id: clientId,
    client_secret: clientSecret,
    private_key: privateKey,
    access_token: accessToken,
  });
  return without({
    domain,
    base_url: baseUrl,
    ...(Object.keys(credentials).length > 0 && { credentials }),
    audience,
    start_date: startDate,
    streams: flags.stream,
    ...destinationOf(flags),
  });
}

function destinationOf({ files, postgres }: InitFlags): Pick<WrittenConnection, 'destination'> {
  if (files !== undefined && postgres !== undefined) {
    throw new ConfigError('--files and --postgres are both given', '--files', 'Leave one of them out.');
  }
  if (postgres !== undefined) return { destination: { postgres: { url: postgres } } };
  return files === undefined ? {} : { destination: { files } };
}

/** Nothing is guessed: what nobody has said is asked for by its flag. */
function complete({ name, settings }: Draft): { name: string; settings: WrittenConnection } {
  const { domain, base_url, credentials = {}, destination } = settings;
  const { client_id, client_secret, private_key, access_token } = credentials;
  const missing = [
    ...(name === undefined ? ['the name of the connection, such as `rollcall init acme`'] : []),
    ...((domain ?? base_url) === undefined ? ['--domain'] : []),
    ...(access_token === undefined && client_id === undefined ? ['--client-id'] : []),
    ...((access_token ?? client_secret ?? private_key) === undefined
      ? ['--client-secret (or --private-key, or --access-token)']
      : []),
    ...(destination === undefined ? ['--files (or --postgres)'] : []),
  ];
  if (name !== undefined && missing.length === 0) return { name, settings };
  const what = `nothing is asked here, and this is missing: ${missing.join(', ')}`;
  throw new ConfigError(what, 'arguments', 'Add it, or run the command on a terminal without --no-input.');
}

function without<Values extends object>(values: Values): { [Key in keyof Values]?: NonNullable<Values[Key]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Values]?: NonNullable<Values[Key]>;
  };
}
