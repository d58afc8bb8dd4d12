import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { CommandContext } from '../app/command-context';
import type { WrittenConnection } from '../config/project-file';
import { findBaseUrlProblem, hostPattern } from '../config/source';
import { listRequiredScopes, streams } from '../streams/registry';
import type { ConnectionDraft, ConnectionPrompter } from './init';

type CredentialSettings = NonNullable<WrittenConnection['credentials']>;

/** The package is of the kind that only `import` loads. */
const loadClack = () => import('@clack/prompts');
type Clack = Awaited<ReturnType<typeof loadClack>>;

/** Thrown through the questions when the one who is asked gives up. */
class PromptCancelled extends Error {}

/** Asks on the terminal, on standard error as all narration. @param folder that of the project's file */
export function createPrompter(folder: string, { stderr: output }: CommandContext): ConnectionPrompter {
  async function answer<Value>(question: (clack: Clack) => Promise<Value | symbol>): Promise<Value> {
    const clack = await loadClack();
    const given = await question(clack);
    if (!clack.isCancel(given)) return given as Value;
    clack.cancel('Cancelled. Nothing was written.', { output });
    throw new PromptCancelled();
  }

  const text = (message: string, options: { placeholder?: string; initialValue?: string; validate: Validate }) =>
    answer<string>((clack) => clack.text({ message, output, ...options }));

  async function tenantOf(): Promise<Partial<WrittenConnection>> {
    const written = (
      await text('Tenant domain', { placeholder: 'acme.eu.auth0.com', validate: validateTenant })
    ).trim();
    if (written.startsWith('http://')) return { base_url: written };
    return { domain: extractHost(written) };
  }

  /** A reference to a secret; one that is pasted is put into a file that only this user may read. */
  async function referenceTo(what: string, variable: string, file: string): Promise<string> {
    const kind = await answer<'env' | 'file'>((clack) =>
      clack.select<'env' | 'file'>({
        message: `Where is the ${what} stored? rollcall.yaml contains only a reference.`,
        options: [
          { value: 'env', label: 'In an environment variable' },
          { value: 'file', label: 'In a file' },
        ],
        output,
      }),
    );
    if (kind === 'env') {
      return `env:${await text('Name of the variable', { initialValue: variable, validate: validateVariableName })}`;
    }
    const path = await text('Which file?', { initialValue: file, validate: requireValue });
    const place = resolve(folder, path);
    if (!existsSync(place)) {
      const secret = await answer<string>((clack) =>
        clack.password({
          message: `File not found. Paste the ${what} to create it.`,
          validate: requireValue,
          output,
        }),
      );
      const folder = dirname(place);
      // A new folder holds nothing else: none of it belongs under version control.
      if (mkdirSync(folder, { recursive: true }) !== undefined) writeFileSync(join(folder, '.gitignore'), '*\n');
      writeFileSync(place, `${secret.trim()}\n`, { mode: 0o600, flag: 'wx' });
    }
    return `file:${path}`;
  }

  async function credentialsFor(name: string, given: CredentialSettings): Promise<CredentialSettings> {
    const { client_id, client_secret, private_key, access_token } = given;
    if (access_token !== undefined) return given;
    const proven = (client_secret ?? private_key) !== undefined;
    const way = proven || client_id !== undefined ? undefined : await wayToSignIn();
    if (way === 'token') {
      return { access_token: await referenceTo('token', 'AUTH0_ACCESS_TOKEN', `.secrets/${name}.token`) };
    }
    const client = client_id ?? (await text('Client ID of the application', { validate: requireValue })).trim();
    if (proven) return { ...given, client_id: client };
    return way === 'key'
      ? {
          client_id: client,
          private_key: await referenceTo('private key', 'AUTH0_PRIVATE_KEY', `.secrets/${name}.pem`),
        }
      : {
          client_id: client,
          client_secret: await referenceTo('client secret', 'AUTH0_CLIENT_SECRET', `.secrets/${name}`),
        };
  }

  const wayToSignIn = () =>
    answer<'secret' | 'key' | 'token'>((clack) =>
      clack.select<'secret' | 'key' | 'token'>({
        message: 'Authentication method',
        options: [
          { value: 'secret', label: 'Machine-to-machine application with a client secret', hint: 'recommended' },
          { value: 'key', label: 'Machine-to-machine application with a private key' },
          { value: 'token', label: 'A token', hint: 'expires; not renewed' },
        ],
        output,
      }),
    );

  async function streamsFor(): Promise<string[] | undefined> {
    const names = streams.map(({ name }) => name);
    const chosen = await answer<string[]>((clack) =>
      clack.multiselect<string>({
        message: 'Streams to copy',
        options: names.map((value) => ({ value, label: value })),
        initialValues: names,
        required: true,
        output,
      }),
    );
    return chosen.length === names.length ? undefined : chosen;
  }

  async function destinationFor(name: string): Promise<NonNullable<WrittenConnection['destination']>> {
    const kind = await answer<'files' | 'postgres'>((clack) =>
      clack.select<'files' | 'postgres'>({
        message: 'Where to?',
        options: [
          { value: 'files', label: 'Files', hint: 'JSON Lines' },
          { value: 'postgres', label: 'Postgres' },
        ],
        output,
      }),
    );
    if (kind === 'postgres')
      return { postgres: { url: await referenceTo('URL', 'DATABASE_URL', '.secrets/postgres') } };
    return { files: await text('Destination folder', { initialValue: `./data/${name}`, validate: requireValue }) };
  }

  /** What is to be granted, by stream, before the credentials are tried. */
  async function tellScopes(wanted: readonly string[]): Promise<void> {
    const { needed, optional } = listRequiredScopes(wanted);
    const lines = [...needed, ...optional.map(({ scope, fields }) => `${scope} (for ${fields.join(', ')})`)];
    (await loadClack()).note(lines.join('\n'), 'Scopes to grant to the application', { output });
  }

  async function ask({ name, settings }: ConnectionDraft, taken: readonly string[]): Promise<ConnectionDraft> {
    (await loadClack()).intro('Add a connection to rollcall.yaml', { output });
    const chosen =
      name ?? (await text('Connection name', { placeholder: 'acme', validate: createNameValidator(taken) }));
    const tenant = (settings.domain ?? settings.base_url) === undefined ? await tenantOf() : {};
    const wanted = settings.streams ?? (await streamsFor());
    await tellScopes(Array.isArray(wanted) ? wanted : streams.map((each) => each.name));
    const credentials = await credentialsFor(chosen, settings.credentials ?? {});
    const destination = settings.destination ?? (await destinationFor(chosen));
    return {
      name: chosen,
      settings: { ...tenant, ...settings, credentials, ...(wanted && { streams: wanted }), destination },
    };
  }

  return {
    async completeDraft(draft, taken) {
      try {
        return await ask(draft, taken);
      } catch (error) {
        if (error instanceof PromptCancelled) return undefined;
        throw error;
      }
    },
    async confirmWrite() {
      const clack = await loadClack();
      const message = 'The check failed. Write the connection anyway?';
      return (await clack.confirm({ message, initialValue: false, output })) === true;
    },
  };
}

type Validate = (value: string | undefined) => string | undefined;

const requireValue: Validate = (value = '') => (value.trim() === '' ? 'A value is required.' : undefined);

function createNameValidator(existingNames: readonly string[]): Validate {
  return (name = '') => {
    if (existingNames.includes(name)) return 'A connection with this name already exists.';
    return /^[a-z0-9][a-z0-9_-]*$/.test(name) ? undefined : 'Use a-z, 0-9, _ and -; start with a letter or a digit.';
  };
}

/** What people copy may be an address. */
function extractHost(written: string): string {
  return written.replace(/^https:\/\//, '').replace(/\/+$/, '');
}

const validateTenant: Validate = (value = '') => {
  const written = value.trim();
  if (written.startsWith('http://')) return findBaseUrlProblem(written);
  return hostPattern.test(extractHost(written)) ? undefined : 'Enter a host name, such as acme.eu.auth0.com.';
};

const validateVariableName: Validate = (name = '') =>
  /^[A-Za-z_]\w*$/.test(name) ? undefined : 'Use letters, digits and underscores; do not start with a digit.';
