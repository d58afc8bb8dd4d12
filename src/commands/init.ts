import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { CommandContext, OptionalConnectionCommand } from '../app/command-context';
import type { ConnectionFlags } from '../app/connection';
import { listMissingCredentialOptions, readCredentialFlags } from '../config/credentials';
import { type Connection, loadProject, parseConnection, rejectSharedDestinations } from '../config/project';
import { connectionNameHint, connectionNamePattern, type WrittenConnection } from '../config/project-file';
import { createDuplicateNameError, writeConnection } from '../config/project-writer';
import { ConfigError, exitCodes } from '../errors';
import { defined } from '../json';
import { inspectDestination } from '../preflight/environment-checks';
import { type Finding, getFindingsExitCode } from '../preflight/finding';
import { inspectTenant } from '../preflight/tenant-checks';
import { streams } from '../streams/registry';
import { formatFinding } from './terminal/status-text';

export interface InitFlags extends ConnectionFlags {
  /** URL of a database to copy into, as a reference. */
  postgres?: string;
  /** False: no prompts. */
  input: boolean;
  /** False: the credentials are not tested. */
  check: boolean;
}

/** A connection to write. Settings that are not known yet are absent. */
export interface ConnectionDraft {
  name?: string | undefined;
  settings: Partial<WrittenConnection>;
}

/** Prompts for a connection. */
export interface ConnectionPrompter {
  /** Prompts for the missing settings. Undefined when the user cancels. */
  completeDraft(draft: ConnectionDraft, existingNames: readonly string[]): Promise<ConnectionDraft | undefined>;
  /** Whether to write a connection that failed the check. */
  confirmWrite(): Promise<boolean>;
}

/** Adds a connection to the project file after testing its credentials. Prompts for what the options do not set. */
export const runInit: OptionalConnectionCommand<InitFlags> = async (name, flags, context) => {
  const { log } = context;
  const file = resolve(context.cwd, flags.config);
  const existing = existsSync(file) ? [...(await loadProject(file, streams)).connections.values()] : [];
  const existingNames = existing.map((connection) => connection.name);
  if (name !== undefined) rejectUnusableName(name, existingNames, flags.config);
  const given = { name, settings: readConnectionFlags(flags) };
  const prompter = await createPrompterFor(flags, dirname(file), context);
  const draft = prompter ? await prompter.completeDraft(given, existingNames) : given;
  if (!draft) return exitCodes.interrupted;
  const complete = requireAllSettings(draft);

  const connection = parseConnection(complete.name, complete.settings, streams, dirname(file));
  rejectSharedDestinations([...existing, connection]);
  const findings = flags.check ? await inspectConnection(connection, context) : [];
  for (const finding of findings) log.info(formatFinding(finding));
  if (findings.some(isAccessDenied) && !(await prompter?.confirmWrite())) {
    const hint = prompter ? '' : ' Use --no-check to write the connection without testing it.';
    log.info(`${flags.config} was not changed.${hint}`);
    return getFindingsExitCode(findings);
  }
  await writeConnection(file, complete.name, complete.settings);
  const next = getFindingsExitCode(findings) === exitCodes.ok ? 'sync' : 'doctor';
  log.info(`Added ${complete.name} to ${flags.config}. Next: rollcall ${next} ${complete.name}`);
  return getFindingsExitCode(findings);
};

async function createPrompterFor(
  flags: InitFlags,
  folder: string,
  context: CommandContext,
): Promise<ConnectionPrompter | undefined> {
  if (!flags.input || !context.stdin.isTTY || !context.stderr.isTTY) return undefined;
  return (await import('./init-prompts.js')).createPrompter(folder, context);
}

async function inspectConnection(connection: Connection, context: CommandContext): Promise<Finding[]> {
  return [...(await inspectTenant(connection, context)), await inspectDestination(connection, context)];
}

/** Other problems can be fixed after the connection is written. */
function isAccessDenied({ state, check }: Finding): boolean {
  return state === 'error' && (check === 'tenant' || check === 'credentials');
}

function rejectUnusableName(name: string, existingNames: readonly string[], file: string): void {
  if (existingNames.includes(name)) throw createDuplicateNameError(file, name);
  if (connectionNamePattern.test(name)) return;
  throw new ConfigError(
    `${JSON.stringify(name)} is not a valid connection name`,
    'arguments',
    `For names, ${connectionNameHint}.`,
  );
}

function readConnectionFlags(flags: InitFlags): Partial<WrittenConnection> {
  const { domain, baseUrl, audience, startDate, stream } = flags;
  const credentials = readCredentialFlags(flags);
  return {
    ...defined({ domain, base_url: baseUrl, audience, start_date: startDate, streams: stream }),
    ...(Object.keys(credentials).length > 0 && { credentials }),
    ...readDestinationFlags(flags),
  };
}

function readDestinationFlags({ files, postgres }: InitFlags): Pick<WrittenConnection, 'destination'> {
  if (files !== undefined && postgres !== undefined) {
    throw new ConfigError('--files and --postgres cannot be combined', '--files', 'Omit one of them.');
  }
  if (postgres !== undefined) return { destination: { postgres: { url: postgres } } };
  return files === undefined ? {} : { destination: { files } };
}

function requireAllSettings({ name, settings }: ConnectionDraft): { name: string; settings: WrittenConnection } {
  const { domain, base_url, credentials = {}, destination } = settings;
  const missing = [
    ...(name === undefined ? ['the connection name, as in `rollcall init acme`'] : []),
    ...((domain ?? base_url) === undefined ? ['--domain'] : []),
    ...listMissingCredentialOptions(credentials),
    ...(destination === undefined ? ['--files (or --postgres)'] : []),
  ];
  if (name !== undefined && missing.length === 0) return { name, settings };
  const what = `the command cannot prompt, and these values are missing: ${missing.join(', ')}`;
  throw new ConfigError(what, 'arguments', 'Add them, or run the command on a terminal without --no-input.');
}
