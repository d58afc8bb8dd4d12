import { z } from 'zod';
import { pacingSettings } from './pacing';
import { searchWindowSettings, rolesSettings } from './read-options';
import { scheduleSettings } from './schedule-settings';

/** A text that is not empty. */
export const nonEmptyText = z.string().min(1);

const referenceHint = 'As it is, or as env:NAME or file:PATH.';
const secretHint = 'Best as env:NAME or file:PATH.';

const credentialsSetting = z
  .strictObject({
    client_id: nonEmptyText.optional().meta({
      description: `Client id of a machine-to-machine application that is authorized for the Management API. ${referenceHint} Left out: AUTH0_CLIENT_ID.`,
    }),
    client_secret: nonEmptyText.optional().meta({
      description: `Its secret. ${secretHint} Left out, as every other way to sign in: AUTH0_CLIENT_SECRET.`,
    }),
    private_key: nonEmptyText.optional().meta({
      description: `RSA key in PEM form in place of a secret, for an application that authenticates by Private Key JWT. ${secretHint} Left out: the file that AUTH0_CLIENT_SIGNING_KEY_PATH names.`,
    }),
    algorithm: nonEmptyText.optional().meta({
      description: 'How the private key is registered: RS256 (default), RS384 or PS256.',
      examples: ['RS256', 'RS384', 'PS256'],
    }),
    key_id: nonEmptyText
      .optional()
      .meta({ description: "Which of the application's keys it is; Auth0 finds out by itself." }),
    access_token: nonEmptyText.optional().meta({
      description: `A token for the Management API in place of a client. It expires and is not renewed. ${secretHint} Left out: AUTH0_ACCESS_TOKEN, or AUTH0_API_TOKEN.`,
    }),
  })
  .meta({ description: 'How to sign in to the Management API. What is left out is taken from Auth0’s variables.' });

/** What tells one tenant from another. */
const tenantSettings = {
  domain: nonEmptyText.optional().meta({
    description: `The tenant's domain, or its custom domain: a host name alone. ${referenceHint} Left out: AUTH0_DOMAIN.`,
    examples: ['acme.eu.auth0.com'],
  }),
  base_url: nonEmptyText.optional().meta({
    description: 'The address of the tenant in place of the domain; http:// for this machine only.',
    examples: ['https://acme.eu.auth0.com'],
  }),
  credentials: credentialsSetting.optional(),
  audience: nonEmptyText.optional().meta({
    description:
      "Identifier of the tenant's Management API. Needed only with a custom domain. Left out by a connection whose tenant or client come from Auth0's variables: AUTH0_AUDIENCE.",
    examples: ['https://acme.eu.auth0.com/api/v2/'],
  }),
};

const readingSettings = {
  start_date: nonEmptyText.optional().meta({
    description:
      'Users last changed before this time are left out: a date, or a time of ISO 8601, in quotes. Left out: all users are copied.',
    examples: ['2024-01-31', '2024-01-31T08:30:00Z'],
  }),
  ...searchWindowSettings,
  roles: rolesSettings.strict().optional().meta({ description: 'How the roles of organization members are read.' }),
  ...pacingSettings,
};

const syncModeSetting = z.enum(['full_refresh', 'incremental']).meta({
  description:
    'incremental reads only what has changed since the last run, which users alone can; it is their default.',
});

const streamsSetting = z
  .union([z.array(nonEmptyText).min(1), z.record(nonEmptyText, z.strictObject({ mode: syncModeSetting.optional() }))], {
    error: 'must be a list of streams, or a map such as users: { mode: incremental } (or full_refresh)',
  })
  .meta({ description: 'What is copied: a list, or a map of streams to their modes. Left out: all streams.' });

const postgresUrlPattern = /^(?:postgres(?:ql)?:\/\/|env:|file:)/;
const urlMessage = 'must be a URL such as postgres://role@host:5432/database, or env:NAME or file:PATH';
const postgresUrlSetting = nonEmptyText.regex(postgresUrlPattern, urlMessage).meta({
  description: `postgres://role:password@host:5432/database?sslmode=…, with libpq's meanings. ${secretHint}`,
  examples: ['env:DATABASE_URL'],
});

/** Names beginning with pg_ are Postgres' own; longer ones it would cut. */
export const schemaNameSetting = nonEmptyText
  .regex(/^(?!pg_)[^\0]*$/, 'must not begin with pg_')
  .refine((name) => Buffer.byteLength(name) <= 63, 'must not be longer than 63 bytes')
  .meta({
    description: "Schema for the connection's tables, made when it is missing. Left out: the connection's name.",
  });

const destinationSetting = z
  .strictObject({
    files: nonEmptyText.optional().meta({ description: 'Folder to copy into, relative to the file.' }),
    postgres: z
      .strictObject({ url: postgresUrlSetting.optional(), schema: schemaNameSetting.optional() })
      .optional()
      .meta({ description: 'Database to copy into. Its url may stand in the defaults.' }),
  })
  .refine(
    ({ files, postgres }) => (files === undefined) !== (postgres === undefined),
    'must name one of files and postgres',
  )
  .meta({ description: 'Where the copy goes: a folder, or a schema of a Postgres database.' });

const scheduleSetting = scheduleSettings.optional().meta({
  description: 'When it is copied by itself. `rollcall schedule create` takes it to the Temporal server.',
});

/** A folder, or a schema, belongs to one connection: what all can share is the database. */
const sharedDestination = z
  .strictObject({
    postgres: z.strictObject({ url: postgresUrlSetting }).meta({ description: 'Database to copy into.' }),
  })
  .meta({ description: 'The database that connections copy into, each into a schema of its own.' });

const connectionSettings = z
  .strictObject({
    ...tenantSettings,
    streams: streamsSetting.optional(),
    destination: destinationSetting.optional(),
    schedule: scheduleSetting,
    ...readingSettings,
  })
  .meta({ description: 'A tenant, and where to copy it.' });

const defaultSettings = z
  .strictObject({
    streams: streamsSetting.optional(),
    destination: sharedDestination.optional(),
    schedule: scheduleSetting,
    ...readingSettings,
  })
  .meta({
    description:
      'Settings of every connection that does not say otherwise: all but what tells one tenant from another.',
  });

/** `rollcall.yaml` as it is written. Patterns and refinements say what is wrong as the continuation of a path. */
export const projectSettings = z
  .strictObject({
    defaults: defaultSettings.optional(),
    connections: z
      .record(
        z
          .string()
          .regex(/^[a-z0-9][a-z0-9_-]*$/, 'is no connection name: use a-z, 0-9, _ and -, a letter or digit first'),
        connectionSettings,
      )
      .meta({ description: 'The connections by their names, which commands take.' }),
  })
  .meta({ title: 'rollcall.yaml', description: 'The connections of a Rollcall project.' });

/** A connection as it is written, without what it takes from the defaults. */
export const writtenConnection = connectionSettings;
export type WrittenConnection = z.output<typeof connectionSettings>;
export type WrittenDefaults = z.output<typeof defaultSettings>;

/** A connection's settings with the defaults where it says nothing; of objects, all or nothing, but for the database. */
export function applyDefaults(own: WrittenConnection, defaults: WrittenDefaults = {}): WrittenConnection {
  const destination = own.destination?.postgres
    ? { postgres: { ...defaults.destination?.postgres, ...own.destination.postgres } }
    : (own.destination ?? defaults.destination);
  return { ...defaults, ...own, ...(destination && { destination }) };
}
