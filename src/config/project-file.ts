import { z } from 'zod';
import { pacingSettings, rolesSettings, searchWindowSettings } from './reading-settings';
import { scheduleSettings } from './schedule-settings';

const nonEmptyText = z.string().min(1);

/** The name of a variable, or the path of a file; undefined when the text is itself the value. */
export function parseReference(text: string): { kind: 'env' | 'file'; target: string } | undefined {
  const [, kind, target] = /^(env|file):(.+)$/s.exec(text) ?? [];
  return target === undefined ? undefined : { kind: kind === 'env' ? 'env' : 'file', target };
}

const referenceHint = 'A value, or a reference: env:NAME or file:PATH.';
const secretHint = 'Prefer a reference: env:NAME or file:PATH.';

const credentialsSetting = z
  .strictObject({
    client_id: nonEmptyText.optional().meta({
      description: `Client ID of a machine-to-machine application that is authorized for the Management API. ${referenceHint} Default: AUTH0_CLIENT_ID.`,
    }),
    client_secret: nonEmptyText.optional().meta({
      description: `Secret of the application. ${secretHint} Default, if no other credential is set: AUTH0_CLIENT_SECRET.`,
    }),
    private_key: nonEmptyText.optional().meta({
      description: `RSA private key (PEM) instead of a secret, for an application that authenticates by Private Key JWT. ${secretHint} Default: the file that AUTH0_CLIENT_SIGNING_KEY_PATH names.`,
    }),
    algorithm: nonEmptyText.optional().meta({
      description: 'Algorithm registered for the private key: RS256 (default), RS384 or PS256.',
      examples: ['RS256', 'RS384', 'PS256'],
    }),
    key_id: nonEmptyText
      .optional()
      .meta({ description: 'ID of the key in Auth0. If omitted, Auth0 finds the key itself.' }),
    access_token: nonEmptyText.optional().meta({
      description: `Token for the Management API instead of a client. It expires and is not renewed. ${secretHint} Default: AUTH0_ACCESS_TOKEN or AUTH0_API_TOKEN.`,
    }),
  })
  .meta({ description: 'Credentials for the Management API. Missing values are taken from the AUTH0_* variables.' });

/** The settings that identify a tenant. */
const tenantSettings = {
  domain: nonEmptyText.optional().meta({
    description: `The tenant's domain or custom domain, as a host name. ${referenceHint} Default: AUTH0_DOMAIN.`,
    examples: ['acme.eu.auth0.com'],
  }),
  base_url: nonEmptyText.optional().meta({
    description: 'Tenant URL, instead of the domain. http:// is allowed only for loopback addresses.',
    examples: ['https://acme.eu.auth0.com'],
  }),
  credentials: credentialsSetting.optional(),
  audience: nonEmptyText.optional().meta({
    description:
      "Identifier of the tenant's Management API. Required only with a custom domain. Default, if the tenant or the client comes from the AUTH0_* variables: AUTH0_AUDIENCE.",
    examples: ['https://acme.eu.auth0.com/api/v2/'],
  }),
};

const readingSettings = {
  start_date: nonEmptyText.optional().meta({
    description:
      'Skip users last updated before this time: an ISO 8601 date or time, in quotes. Default: copy all users.',
    examples: ['2024-01-31', '2024-01-31T08:30:00Z'],
  }),
  ...searchWindowSettings,
  roles: rolesSettings.strict().optional().meta({ description: 'How to read the roles of organization members.' }),
  ...pacingSettings,
};

const syncModeSetting = z.enum(['full_refresh', 'incremental']).meta({
  description: 'incremental reads only the changes since the last sync. Only users support it; it is their default.',
});

const streamsSetting = z
  .union([z.array(nonEmptyText).min(1), z.record(nonEmptyText, z.strictObject({ mode: syncModeSetting.optional() }))], {
    error: 'must be a list of streams, or a map such as users: { mode: incremental } (or full_refresh)',
  })
  .meta({ description: 'Streams to copy: a list, or a map from stream to mode. Default: all streams.' });

const postgresUrlPattern = /^(?:postgres(?:ql)?:\/\/|env:|file:)/;
const urlMessage = 'must be a URL such as postgres://role@host:5432/database, or env:NAME or file:PATH';
const postgresUrlSetting = nonEmptyText.regex(postgresUrlPattern, urlMessage).meta({
  description: `Connection URL as in libpq: postgres://role:password@host:5432/database?sslmode=…. ${secretHint}`,
  examples: ['env:DATABASE_URL'],
});

/** Postgres reserves names that start with pg_, and truncates longer ones. */
export const schemaNameSetting = nonEmptyText
  .regex(/^(?!pg_)[^\0]*$/, 'must not start with pg_')
  .refine((name) => Buffer.byteLength(name) <= 63, 'must not be longer than 63 bytes')
  .meta({
    description: "Schema for the connection's tables; it is created if missing. Default: the connection's name.",
  });

const destinationSetting = z
  .strictObject({
    files: nonEmptyText.optional().meta({ description: 'Folder to copy into, relative to the project file.' }),
    postgres: z
      .strictObject({ url: postgresUrlSetting.optional(), schema: schemaNameSetting.optional() })
      .optional()
      .meta({ description: 'Database to copy into. The url can be set in defaults.' }),
  })
  .refine(
    ({ files, postgres }) => (files === undefined) !== (postgres === undefined),
    'must contain either files or postgres',
  )
  .meta({ description: 'Destination of the copy: a folder, or a schema in a Postgres database.' });

const scheduleSetting = scheduleSettings.optional().meta({
  description: 'Schedule of the connection. `rollcall schedule create` creates it on the Temporal server.',
});

/** Connections can share a database, but no folder or schema. */
const sharedDestination = z
  .strictObject({
    postgres: z.strictObject({ url: postgresUrlSetting }).meta({ description: 'Database to copy into.' }),
  })
  .meta({ description: 'The database for all connections. Each connection has its own schema.' });

export const connectionSchema = z
  .strictObject({
    ...tenantSettings,
    streams: streamsSetting.optional(),
    destination: destinationSetting.optional(),
    schedule: scheduleSetting,
    ...readingSettings,
  })
  .meta({ description: 'A tenant and its destination.' });

const defaultsSchema = z
  .strictObject({
    streams: streamsSetting.optional(),
    destination: sharedDestination.optional(),
    schedule: scheduleSetting,
    ...readingSettings,
  })
  .meta({
    description: 'Default settings for all connections, except those that identify a tenant.',
  });

export const connectionNamePattern = /^[a-z0-9][a-z0-9_-]*$/;
export const connectionNameHint = 'use a-z, 0-9, _ and -; start with a letter or a digit';

/** `rollcall.yaml` as written. Messages of patterns and refinements continue a path. */
export const projectSchema = z
  .strictObject({
    defaults: defaultsSchema.optional(),
    connections: z
      .record(
        z.string().regex(connectionNamePattern, `is not a valid connection name: ${connectionNameHint}`),
        connectionSchema,
      )
      .meta({ description: 'Connections by name. Commands refer to these names.' }),
  })
  .meta({ title: 'rollcall.yaml', description: 'The connections of a Rollcall project.' });

/** A connection as written, without the defaults. */
export type WrittenConnection = z.output<typeof connectionSchema>;
export type WrittenDefaults = z.output<typeof defaultsSchema>;

/** A connection's settings, completed from the defaults. Objects are not merged, except for the database. */
export function applyDefaults(own: WrittenConnection, defaults: WrittenDefaults = {}): WrittenConnection {
  const destination = own.destination?.postgres
    ? { postgres: { ...defaults.destination?.postgres, ...own.destination.postgres } }
    : (own.destination ?? defaults.destination);
  return { ...defaults, ...own, ...(destination && { destination }) };
}
