import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { signingAlgorithms, type SigningKey } from '../auth0/token';
import { defined, isObject, isPresent } from '../json';
import type { ReadOptions } from '../streams/fetch-task';
import { normaliseTimestamp, timestampPattern } from '../timestamp';
import { type ParseOptions, parseWithSchema } from './problems';
import {
  type PacingOptions,
  pacingSettings,
  rolesSettings,
  searchWindowSettings,
  toPacingOptions,
  toReadOptions,
} from './reading-settings';

/** Restores the PEM text of a pasted key: one-line forms turn line breaks into blanks, environment files escape them (`\n`). */
export function normalisePem(text: string): string {
  const lines = text.replaceAll('\\n', '\n').replaceAll('\r', '');
  const [, begin = '', body = '', end = ''] =
    /^(-----BEGIN [^-]+-----)([^-]*)(-----END [^-]+-----)$/.exec(lines.trim()) ?? [];
  const base64 = body.replaceAll(/\s/g, '');
  return base64 === '' || body.includes(':') ? lines : [begin, ...(base64.match(/.{1,64}/g) ?? []), end, ''].join('\n');
}

/** Why a key cannot sign, as the continuation of a path; undefined when it can. */
export function findPrivateKeyProblem(pem: string): string | undefined {
  if (pem.includes('ENCRYPTED'))
    return 'is encrypted with a passphrase; decrypt it first: openssl pkey -in locked.pem -out key.pem';
  try {
    const { asymmetricKeyType: type } = createPrivateKey(pem);
    return type === 'rsa' ? undefined : 'is not an RSA key; Auth0 accepts only RSA keys';
  } catch {
    return 'is not a private key in PEM format (-----BEGIN PRIVATE KEY-----)';
  }
}

/** A tenant's domain: two or more labels, of which the last starts with a letter. */
export const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

/** Hosts that may receive credentials without encryption, as `URL` writes them. */
const loopbackPattern = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Why a base URL is invalid, as the continuation of a path; undefined when it is valid. */
export function findBaseUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text.trim())) {
    return 'must be a URL such as https://acme.eu.auth0.com';
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (url.protocol === 'http:' && !loopbackPattern.test(url.hostname)) {
    return 'must start with https:// to protect the credentials (http:// is allowed only for 127.0.0.1, localhost and [::1])';
  }
  if (!/^\/*$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    return 'must end after the host, without a path: https://acme.eu.auth0.com';
  }
  return undefined;
}

/** How to reach and read a tenant, validated and normalized. Contains secrets. */
export interface SourceConfig {
  /** `https://acme.eu.auth0.com`, without a final slash; `http://` only for loopback. */
  baseUrl: string;
  credentials:
    | ({ clientId: string; audience: string } & (
        { type: 'client_credentials'; clientSecret: string } | ({ type: 'private_key_jwt' } & SigningKey)
      ))
    | { type: 'access_token'; accessToken: string };
  /** `YYYY-MM-DDTHH:MM:SS.mmmZ`: skip users last updated before it. */
  startDate?: string;
  readOptions: ReadOptions;
  pacing: PacingOptions;
}

/** A non-empty text without the blanks and line breaks around pasted values. */
const trimmedText = () => z.string().trim().min(1);

/** Refuses a text in which `findProblem` finds a problem. */
const refineWith =
  (findProblem: (text: string) => string | undefined) =>
  (text: string, { addIssue }: z.core.$RefinementCtx): void => {
    const message = findProblem(text);
    if (message !== undefined) addIssue({ code: 'custom', message, continue: false });
  };

const clientIdSetting = trimmedText().meta({
  title: 'Client ID',
  description: 'Client ID of a machine-to-machine application authorized for the Management API.',
  order: 1,
});

const audienceSetting = (order: number) =>
  trimmedText()
    .optional()
    .meta({
      title: 'Audience',
      description:
        "Identifier of the tenant's Management API. Required only with a custom domain; the identifier contains the tenant domain.",
      examples: ['https://acme.eu.auth0.com/api/v2/'],
      order,
    });

const clientCredentialsSchema = z
  .looseObject({
    auth_type: z.literal('oauth2_confidential_application').meta({ order: 0 }),
    client_id: clientIdSetting,
    client_secret: trimmedText().meta({ title: 'Client Secret', airbyte_secret: true, order: 2 }),
    audience: audienceSetting(3),
  })
  .meta({
    title: 'Machine-to-machine application',
    description: 'Recommended. The connector requests and renews access tokens.',
  });

const privateKeyJwtSchema = z
  .looseObject({
    auth_type: z.literal('private_key_jwt').meta({ order: 0 }),
    client_id: clientIdSetting,
    private_key: trimmedText().transform(normalisePem).superRefine(refineWith(findPrivateKeyProblem)).meta({
      title: 'Private Key',
      description: 'RSA private key in PEM format. Its public key must be registered with the application.',
      airbyte_secret: true,
      multiline: true,
      order: 2,
    }),
    algorithm: z.enum(signingAlgorithms).default('RS256').meta({
      title: 'Algorithm',
      description: 'Algorithm registered for the key.',
      order: 3,
    }),
    key_id: trimmedText().optional().meta({
      title: 'Key ID',
      description: 'ID of the key in Auth0. If empty, Auth0 finds the key itself.',
      order: 4,
    }),
    audience: audienceSetting(5),
  })
  .meta({
    title: 'Machine-to-machine application with a private key',
    description: 'Uses Private Key JWT; no secret is sent. The connector requests and renews access tokens.',
  });

const accessTokenSchema = z
  .looseObject({
    auth_type: z.literal('oauth2_access_token').meta({ order: 0 }),
    access_token: trimmedText().meta({
      title: 'Access Token',
      description: 'Management API access token. It expires, by default after one day, and is not renewed.',
      airbyte_secret: true,
      order: 1,
    }),
  })
  .meta({ title: 'Access token' });

const hostMessage = 'must be a host name such as acme.eu.auth0.com, without https:// or a path';

/**
 * The configuration as written. It accepts that of Airbyte's own connector, and adds `domain`, an optional audience, all
 * ISO forms of the date, and the read options. The specification is generated from it.
 */
export const sourceSchema = z
  .looseObject({
    domain: trimmedText()
      .regex(hostPattern, { error: hostMessage, abort: true })
      .refine((domain) => URL.canParse(`https://${domain}`), { error: hostMessage, abort: true })
      .optional()
      .meta({
        title: 'Domain',
        description: 'Tenant domain or custom domain. Set either the domain or the base URL.',
        examples: ['acme.eu.auth0.com', 'login.acme.example.com'],
        pattern_descriptor: 'acme.eu.auth0.com',
        order: 0,
      }),
    base_url: trimmedText()
      .superRefine(refineWith(findBaseUrlProblem))
      .optional()
      .meta({
        title: 'Base URL',
        description: 'Tenant URL, instead of the domain.',
        examples: ['https://acme.eu.auth0.com/'],
        pattern: '^https?://[^/?#@]+/*$',
        pattern_descriptor: 'https://acme.eu.auth0.com/',
        order: 1,
      }),
    credentials: z
      .discriminatedUnion('auth_type', [clientCredentialsSchema, privateKeyJwtSchema, accessTokenSchema])
      .meta({ title: 'Credentials', description: 'Credentials for the Management API.', order: 2 }),
    start_date: trimmedText()
      .refine(
        (time) => normaliseTimestamp(time) !== undefined,
        'is not an ISO 8601 date or time, such as 2024-01-31 or 2024-01-31T08:30:00Z',
      )
      .optional()
      .meta({
        title: 'Start date',
        description:
          'Skip users last updated before this date or time (UTC or with an offset). If empty, all users are copied.',
        examples: ['2024-01-31', '2024-01-31T08:30:00Z'],
        pattern: timestampPattern,
        pattern_descriptor: 'YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ',
        order: 3,
      }),
    ...searchWindowSettings,
    roles: rolesSettings
      .optional()
      .meta({ title: 'Roles', description: 'How to read the roles of organization members.', order: 6 }),
    ...pacingSettings,
  })
  .refine(({ domain, base_url }) => domain !== undefined || base_url !== undefined, {
    path: ['domain'],
    error: 'is missing; set it or base_url',
    when: ({ value }) => isObject(value), // reported together with other problems
  })
  .refine(({ domain, base_url: url }) => !domain || !url || toOrigin(url) === toOrigin(`https://${domain}`), {
    path: ['domain'],
    error: 'and base_url refer to different tenants; remove one of them',
  })
  .meta({ title: 'Auth0' });

/**
 * Parses a configuration of the source. Nulls count as absent; unknown keys are ignored, since Airbyte's builder adds keys.
 * @throws ConfigError that names all problems, without any value
 */
export function parseSourceConfig(json: unknown, options: Partial<ParseOptions> = {}): SourceConfig {
  const source = parseWithSchema(sourceSchema, omitNulls(json), {
    subject: 'the configuration',
    nextStep: 'Correct it and run the command again. The `spec` command lists all keys.',
    ...options,
  });
  const baseUrl = toOrigin(source.base_url ?? `https://${source.domain}`);
  return {
    baseUrl,
    credentials: toCredentials(source, baseUrl),
    ...defined({ startDate: source.start_date && normaliseTimestamp(source.start_date) }),
    readOptions: toReadOptions(source),
    pacing: toPacingOptions(source),
  };
}

/** The values of a configuration that must not be shown. */
export function listSecrets({ credentials }: SourceConfig): string[] {
  if (credentials.type === 'access_token') return [credentials.accessToken];
  if (credentials.type === 'client_credentials') return [credentials.clientSecret];
  // Also by lines: messages rarely quote a whole key.
  return [credentials.privateKey, ...credentials.privateKey.split('\n').filter((line) => /^[\w+/=]+$/.test(line))];
}

function toCredentials({ credentials }: z.output<typeof sourceSchema>, baseUrl: string): SourceConfig['credentials'] {
  if (credentials.auth_type === 'oauth2_access_token') {
    return { type: 'access_token', accessToken: credentials.access_token };
  }
  // Auth0 rejects the identifier of its API without the final slash.
  const audience = credentials.audience ?? `${baseUrl}/api/v2/`;
  const client = { clientId: credentials.client_id, audience: audience.endsWith('/') ? audience : `${audience}/` };
  if (credentials.auth_type === 'oauth2_confidential_application') {
    return { ...client, type: 'client_credentials', clientSecret: credentials.client_secret };
  }
  const { private_key: privateKey, algorithm, key_id: keyId } = credentials;
  return { ...client, type: 'private_key_jwt', privateKey, algorithm, ...defined({ keyId }) };
}

function toOrigin(url: string): string {
  return new URL(url).origin;
}

function omitNulls(json: unknown): unknown {
  if (!isObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([, value]) => isPresent(value))
      .map(([key, value]) => [key, omitNulls(value)]),
  );
}
