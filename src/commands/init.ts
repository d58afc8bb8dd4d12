import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { CommandContext } from '../app/command-context';
import type { ConnectionFlags } from '../app/connection';
import { loadProject, parseConnection, type Project, rejectSharedDestinations } from '../config/project';
import type { WrittenConnection } from '../config/project-file';
import { writeConnection } from '../config/project-writer';
import { parseReference } from '../config/references';
import { ConfigError, exitCodes } from '../errors';
import { inspectDestination } from '../preflight/environment-checks';
import { type Finding, formatFinding, getFindingsExitCode } from '../preflight/finding';
import { inspectTenant } from '../preflight/tenant-checks';
import { streams } from '../streams/registry';

export interface InitFlags extends ConnectionFlags {
  /** Database to copy into, in place of a folder. */
  postgres?: string;
  /** False: nothing is asked. */
  input: boolean;
  /** False: the credentials are not tried. */
  check: boolean;
}

/** A connection as it is to be written; what is not known yet is absent. */
export interface ConnectionDraft {
  name?: string | undefined;
  settings: Partial<WrittenConnection>;
}

/** Somebody to ask. */
export interface ConnectionPrompter {
  /** Asks for what is missing; undefined when the one who is asked gives up. */
  completeDraft(draft: ConnectionDraft, taken: readonly string[]): Promise<ConnectionDraft | undefined>;
  /** Whether a connection that does not work is to be written all the same. */
  confirmWrite(): Promise<boolean>;
}

/** Writes a connection into the project's file, once its credentials have been tried; asks for what flags do not say. */
export async function runInit(name: string | undefined, flags: InitFlags, context: CommandContext): Promise<number> {
  const { cwd, log, stdin, stderr } = context;
  const file = resolve(cwd, flags.config);
  const project: Pick<Project, 'connections'> = existsSync(file)
    ? await loadProject(file, streams)
    : { connections: new Map() };
  const taken = [...project.connections.keys()];
  const given: ConnectionDraft = { name, settings: readConnectionFlags(flags) };
  const interviewer =
    flags.input && stdin.isTTY && stderr.isTTY
      ? (await import('./init-prompts.js')).createPrompter(dirname(file), context)
      : undefined;
  const draft = interviewer ? await interviewer.completeDraft(given, taken) : given;
  if (!draft) return exitCodes.interrupted;
  const { name: chosen, settings } = requireAllSettings(draft);
  rejectExistingName(chosen, taken, flags.config);

  const connection = parseConnection(chosen, settings, streams, dirname(file));
  rejectSharedDestinations([...project.connections.values(), connection]);
  const findings = flags.check
    ? [...(await inspectTenant(connection, context)), await inspectDestination(connection, context)]
    : [];
  for (const finding of findings) log.info(formatFinding(finding));
  if (findings.some(isAccessDenied) && !(await interviewer?.confirmWrite())) {
    log.info(
      `${flags.config} was not changed.${interviewer ? '' : ' Use --no-check to write the connection without testing it.'}`,
    );
    return getFindingsExitCode(findings);
  }
  await writeConnection(file, chosen, settings);
  log.info(`Added ${chosen} to ${flags.config}. Next: rollcall sync ${chosen}`);
  return getFindingsExitCode(findings);
}

/** The tenant does not let us in at all; what else is amiss can be mended with the file written. */
function isAccessDenied({ state, check }: Finding): boolean {
  return state === 'wrong' && (check === 'tenant' || check === 'credentials');
}

function rejectExistingName(name: string, existingNames: readonly string[], file: string): void {
  if (!existingNames.includes(name)) return;
  throw new ConfigError(`${file} already contains a connection ${name}`, name, 'Use another name, or edit the file.');
}

const secretFlags = { clientSecret: '--client-secret', privateKey: '--private-key', accessToken: '--access-token' };

function readConnectionFlags(flags: InitFlags): Partial<WrittenConnection> {
  for (const [key, flag] of Object.entries(secretFlags)) {
    const value = flags[key as keyof typeof secretFlags];
    if (value === undefined || parseReference(value)) continue;
    const nextStep = `Use ${flag} env:NAME or ${flag} file:PATH; the project file must not contain the secret.`;
    throw new ConfigError(`${flag} is not a reference`, flag, nextStep);
  }
  const { domain, baseUrl, clientId, clientSecret, privateKey, accessToken, audience, startDate } = flags;
  const credentials = omitUndefined({
    client_id: clientId,
    client_secret: clientSecret,
    private_key: privateKey,
    access_token: accessToken,
  });
  return omitUndefined({
    domain,
    base_url: baseUrl,
    ...(Object.keys(credentials).length > 0 && { credentials }),
    audience,
    start_date: startDate,
    streams: flags.stream,
    ...readDestinationFlags(flags),
  });
}

function readDestinationFlags({ files, postgres }: InitFlags): Pick<WrittenConnection, 'destination'> {
  if (files !== undefined && postgres !== undefined) {
    throw new ConfigError('--files and --postgres cannot be combined', '--files', 'Omit one of them.');
  }
  if (postgres !== undefined) return { destination: { postgres: { url: postgres } } };
  return files === undefined ? {} : { destination: { files } };
}

/** Nothing is guessed: what nobody has said is asked for by its flag. */
function requireAllSettings({ name, settings }: ConnectionDraft): { name: string; settings: WrittenConnection } {
  const { domain, base_url, credentials = {}, destination } = settings;
  const { client_id, client_secret, private_key, access_token } = credentials;
  const missing = [
    ...(name === undefined ? ['the connection name, as in `rollcall init acme`'] : []),
    ...((domain ?? base_url) === undefined ? ['--domain'] : []),
    ...(access_token === undefined && client_id === undefined ? ['--client-id'] : []),
    ...((access_token ?? client_secret ?? private_key) === undefined
      ? ['--client-secret (or --private-key, or --access-token)']
      : []),
    ...(destination === undefined ? ['--files (or --postgres)'] : []),
  ];
  if (name !== undefined && missing.length === 0) return { name, settings };
  const what = `the command cannot prompt, and these values are missing: ${missing.join(', ')}`;
  throw new ConfigError(what, 'arguments', 'Add them, or run the command on a terminal without --no-input.');
}

function omitUndefined<Values extends object>(values: Values): { [Key in keyof Values]?: NonNullable<Values[Key]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Values]?: NonNullable<Values[Key]>;
  };
}
