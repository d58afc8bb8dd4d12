import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { CommandContext, TerminalOutput } from '../app/command-context';
import { type CredentialSettings, findSecretKey, type SecretKey } from '../config/credentials';
import { connectionNameHint, connectionNamePattern, type WrittenConnection } from '../config/project-file';
import { findBaseUrlProblem, hostPattern } from '../config/source';
import { listRequiredScopes, streams } from '../streams/registry';
import type { ConnectionDraft, ConnectionPrompter } from './init';

/** An ESM package, which only `import()` loads. */
const loadClack = () => import('@clack/prompts');
type Clack = Awaited<ReturnType<typeof loadClack>>;

class PromptCancelled extends Error {}

/** Prompts on the terminal. @param folder that of the project file */
export function createPrompter(folder: string, { stderr }: CommandContext): ConnectionPrompter {
  return {
    async completeDraft(draft, existingNames) {
      const clack = await loadClack();
      try {
        return await promptDraft(createTerminal(clack, stderr), folder, draft, existingNames);
      } catch (error) {
        if (!(error instanceof PromptCancelled)) throw error;
        clack.cancel('Cancelled. Nothing was written.', { output: stderr });
        return undefined;
      }
    },
    async confirmWrite() {
      const message = 'The check failed. Write the connection anyway?';
      return (await (await loadClack()).confirm({ message, initialValue: false, output: stderr })) === true;
    },
  };
}

type Validate = (value: string | undefined) => string | undefined;

interface Choice<Value> {
  value: Value;
  label: string;
  hint?: string;
}

/** One prompt each. All throw PromptCancelled when the user cancels. */
interface PromptTerminal {
  text(message: string, options: { placeholder?: string; initialValue?: string; validate: Validate }): Promise<string>;
  select<Value extends string>(message: string, options: Choice<Value>[]): Promise<Value>;
  selectMany(message: string, values: string[]): Promise<string[]>;
  secret(message: string): Promise<string>;
  intro(text: string): void;
  note(title: string, lines: string[]): void;
}

function createTerminal(clack: Clack, output: TerminalOutput): PromptTerminal {
  async function answer<Value>(prompt: Promise<Value | symbol>): Promise<Value> {
    const value = await prompt;
    if (clack.isCancel(value)) throw new PromptCancelled();
    return value as Value;
  }
  return {
    text: async (message, options) => (await answer<string>(clack.text({ message, output, ...options }))).trim(),
    select: <Value extends string>(message: string, options: Choice<Value>[]) =>
      answer<Value>(clack.select<string>({ message, options, output }) as Promise<Value | symbol>),
    selectMany: (message, values) =>
      answer<string[]>(
        clack.multiselect<string>({
          message,
          options: values.map((value) => ({ value, label: value })),
          initialValues: values,
          required: true,
          output,
        }),
      ),
    secret: async (message) =>
      (await answer<string>(clack.password({ message, validate: requireValue, output }))).trim(),
    intro: (text) => clack.intro(text, { output }),
    note: (title, lines) => clack.note(lines.join('\n'), title, { output }),
  };
}

async function promptDraft(
  terminal: PromptTerminal,
  folder: string,
  { name: givenName, settings }: ConnectionDraft,
  existingNames: readonly string[],
): Promise<ConnectionDraft> {
  terminal.intro('Add a connection to rollcall.yaml');
  const validate = createNameValidator(existingNames);
  const name = givenName ?? (await terminal.text('Connection name', { placeholder: 'acme', validate }));
  const tenant = (settings.domain ?? settings.base_url) === undefined ? await promptTenant(terminal) : {};
  const selected = settings.streams ?? (await promptStreams(terminal));
  noteScopes(terminal, Array.isArray(selected) ? selected : streams.map((each) => each.name));
  const credentials = await promptCredentials(terminal, folder, name, settings.credentials ?? {});
  const destination = settings.destination ?? (await promptDestination(terminal, folder, name));
  return {
    name,
    settings: { ...tenant, ...settings, credentials, ...(selected && { streams: selected }), destination },
  };
}

async function promptTenant({ text }: PromptTerminal): Promise<Partial<WrittenConnection>> {
  const tenant = await text('Tenant domain', { placeholder: 'acme.eu.auth0.com', validate: validateTenant });
  return tenant.startsWith('http://') ? { base_url: tenant } : { domain: extractHost(tenant) };
}

/** Undefined for all streams. */
async function promptStreams({ selectMany }: PromptTerminal): Promise<string[] | undefined> {
  const names = streams.map(({ name }) => name);
  const selected = await selectMany('Streams to copy', names);
  return selected.length === names.length ? undefined : selected;
}

/** Shows the scopes to grant before the credentials are tested. */
function noteScopes({ note }: PromptTerminal, names: readonly string[]): void {
  const { needed, optional } = listRequiredScopes(names);
  const optionalLines = optional.map(({ scope, fields }) => `${scope} (for ${fields.join(', ')})`);
  note('Scopes to grant to the application', [...needed, ...optionalLines]);
}

const secretLabels: Record<SecretKey, { noun: string; variable: string; extension: string }> = {
  client_secret: { noun: 'client secret', variable: 'AUTH0_CLIENT_SECRET', extension: '' },
  private_key: { noun: 'private key', variable: 'AUTH0_PRIVATE_KEY', extension: '.pem' },
  access_token: { noun: 'token', variable: 'AUTH0_ACCESS_TOKEN', extension: '.token' },
};

async function promptCredentials(
  terminal: PromptTerminal,
  folder: string,
  name: string,
  given: CredentialSettings,
): Promise<CredentialSettings> {
  const givenKey = findSecretKey(given);
  if (givenKey === 'access_token') return given;
  const key = givenKey ?? (given.client_id === undefined ? await promptSecretKey(terminal) : 'client_secret');
  const client =
    key === 'access_token'
      ? undefined
      : (given.client_id ?? (await terminal.text('Client ID of the application', { validate: requireValue })));
  const { noun, variable, extension } = secretLabels[key];
  const secret =
    given[key] ?? (await promptReference(terminal, folder, { noun, variable, file: `.secrets/${name}${extension}` }));
  return { ...given, ...(client !== undefined && { client_id: client }), [key]: secret };
}

function promptSecretKey({ select }: PromptTerminal): Promise<SecretKey> {
  return select<SecretKey>('Authentication method', [
    { value: 'client_secret', label: 'Machine-to-machine application with a client secret', hint: 'recommended' },
    { value: 'private_key', label: 'Machine-to-machine application with a private key' },
    { value: 'access_token', label: 'Access token', hint: 'expires; not renewed' },
  ]);
}

async function promptDestination(
  terminal: PromptTerminal,
  folder: string,
  name: string,
): Promise<NonNullable<WrittenConnection['destination']>> {
  const kind = await terminal.select('Destination', [
    { value: 'files', label: 'Files', hint: 'JSON Lines' },
    { value: 'postgres', label: 'Postgres' },
  ]);
  if (kind === 'postgres') {
    const reference = { noun: 'URL', variable: 'DATABASE_URL', file: '.secrets/postgres' };
    return { postgres: { url: await promptReference(terminal, folder, reference) } };
  }
  const initialValue = `./data/${name}`;
  return { files: await terminal.text('Destination folder', { initialValue, validate: requireValue }) };
}

/** Prompts for a reference to a secret. A secret that the user pastes is written to the file. */
async function promptReference(
  { select, text, secret }: PromptTerminal,
  folder: string,
  { noun, variable, file }: { noun: string; variable: string; file: string },
): Promise<string> {
  const kind = await select(`Where is the ${noun} stored? rollcall.yaml contains only a reference.`, [
    { value: 'env', label: 'In an environment variable' },
    { value: 'file', label: 'In a file' },
  ]);
  if (kind === 'env') {
    return `env:${await text('Name of the variable', { initialValue: variable, validate: validateVariableName })}`;
  }
  const path = await text('Path of the file', { initialValue: file, validate: requireValue });
  const absolute = resolve(folder, path);
  if (!existsSync(absolute)) {
    writeSecretFile(absolute, await secret(`File not found. Paste the ${noun} to create it.`));
  }
  return `file:${path}`;
}

/** Only this user can read the file. A new folder is excluded from version control. */
function writeSecretFile(path: string, secret: string): void {
  const folder = dirname(path);
  if (mkdirSync(folder, { recursive: true }) !== undefined) writeFileSync(join(folder, '.gitignore'), '*\n');
  writeFileSync(path, `${secret}\n`, { mode: 0o600, flag: 'wx' });
}

const requireValue: Validate = (value = '') => (value.trim() === '' ? 'A value is required.' : undefined);

function createNameValidator(existingNames: readonly string[]): Validate {
  return (name = '') => {
    if (existingNames.includes(name)) return 'A connection with this name already exists.';
    return connectionNamePattern.test(name) ? undefined : `Invalid name: ${connectionNameHint}.`;
  };
}

/** Users may paste a URL. */
function extractHost(tenant: string): string {
  return tenant.replace(/^https:\/\//, '').replace(/\/+$/, '');
}

const validateTenant: Validate = (value = '') => {
  const tenant = value.trim();
  if (tenant.startsWith('http://')) return findBaseUrlProblem(tenant);
  return hostPattern.test(extractHost(tenant)) ? undefined : 'Enter a host name, such as acme.eu.auth0.com.';
};

const validateVariableName: Validate = (name = '') =>
  /^[A-Za-z_]\w*$/.test(name) ? undefined : 'Use letters, digits and underscores; do not start with a digit.';
