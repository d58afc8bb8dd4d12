import { z } from 'zod';
import path from 'node:path';
import { type LogLevel, logLevels } from '../airbyte/messages';
import { defined } from '../json';
import { parseWithSchema } from './problems';
import { pacingSettings } from './reading-settings';

/** Address of metrics and health. */
export interface ListenAddress {
  host: string;
  /** 0: any free port. */
  port: number;
}

/** `127.0.0.1:9464`, `0.0.0.0:9464`, `[::1]:9464`. */
const listenAddressSchema = z
  .string()
  .regex(/^(\[[0-9a-f:.]+\]|[^\s:/]+):\d{1,5}$/i, 'must be host:port, such as 127.0.0.1:9464')
  .transform((text): ListenAddress => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'must end with a port of at most 65535');

/** @throws ConfigError */
export function parseListenAddress(text: string): ListenAddress {
  return parseWithSchema(listenAddressSchema, text, {
    subject: 'the address to listen on',
    nextStep: 'Use a form such as 127.0.0.1:9464.',
    describePath: () => '--listen',
  });
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A worker's version: https://docs.temporal.io/production-deployment/worker-deployments/worker-versioning */
export interface WorkerDeploymentVersion {
  deploymentName: string;
  buildId: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** What a command takes from the shell that starts it. */
export interface ShellContext {
  env: Variables;
  /** Absolute path of the working directory. Relative paths on the command line and in variables refer to it. */
  cwd: string;
}

/** The settings in the environment, validated. */
export interface Environment {
  /** LOG_LEVEL, in any case. Default INFO. */
  logLevel: LogLevel;
  /** Limits of every fetch, as far as set: ROLLCALL_FETCH_PAGES, ROLLCALL_FETCH_SECONDS, ROLLCALL_FETCH_BYTES. */
  fetchBudget: { pages?: number; seconds?: number; bytes?: number };
  /** ROLLCALL_HEARTBEAT_SECONDS: after this time without a heartbeat, an activity's worker counts as dead. Default 10. */
  heartbeatSeconds: number;
  /** ROLLCALL_RATE_LIMIT_RESERVE and ROLLCALL_MAX_CONCURRENCY, as far as set: instead of the settings of connections. */
  pacing: { rate_limit_reserve?: number; max_concurrency?: number };
  /** ROLLCALL_STAGING: folder of fetched records before delivery, absolute. */
  stagingDir?: string;
  /** ROLLCALL_LISTEN: where a worker serves metrics and health. */
  listen?: ListenAddress;
  /** ROLLCALL_TASK_QUEUE. Default `rollcall`. */
  taskQueue: string;
  /** TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID, which Temporal's Worker Controller sets. */
  deployment?: WorkerDeploymentVersion;
}

/** Level names of Python's and Java's loggers, which callers pass to every source. */
const levelAliases: Record<string, LogLevel> = { WARNING: 'WARN', CRITICAL: 'FATAL' };

const positiveSeconds = z.coerce.number().positive().optional();
const positiveCount = z.coerce.number().int().positive().optional();

const environmentSchema = z
  .object({
    LOG_LEVEL: z
      .string()
      .transform((level) => levelAliases[level.toUpperCase()] ?? level.toUpperCase())
      .pipe(z.enum(logLevels))
      .optional(),
    // Only validated here: temporal/profile.ts reads it with Temporal's other variables.
    TEMPORAL_ADDRESS: z
      .string()
      .regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port, such as localhost:7233')
      .optional(),
    ROLLCALL_FETCH_PAGES: positiveCount,
    ROLLCALL_FETCH_SECONDS: positiveSeconds,
    ROLLCALL_FETCH_BYTES: positiveCount,
    ROLLCALL_HEARTBEAT_SECONDS: positiveSeconds,
    ROLLCALL_RATE_LIMIT_RESERVE: z.coerce.number().pipe(pacingSettings.rate_limit_reserve.unwrap()).optional(),
    ROLLCALL_MAX_CONCURRENCY: z.coerce.number().pipe(pacingSettings.max_concurrency.unwrap()).optional(),
    ROLLCALL_STAGING: z.string().optional(),
    ROLLCALL_LISTEN: listenAddressSchema.optional(),
    ROLLCALL_TASK_QUEUE: z.string().optional(),
    TEMPORAL_DEPLOYMENT_NAME: z.string().optional(),
    TEMPORAL_WORKER_BUILD_ID: z.string().optional(),
  })
  .superRefine(({ TEMPORAL_DEPLOYMENT_NAME: name, TEMPORAL_WORKER_BUILD_ID: build }, { addIssue }) => {
    if ((name === undefined) === (build === undefined)) return;
    const missing = name === undefined ? 'TEMPORAL_DEPLOYMENT_NAME' : 'TEMPORAL_WORKER_BUILD_ID';
    addIssue({
      code: 'custom',
      path: [missing],
      message: 'is missing; a worker version needs a deployment name and a build ID',
    });
  });

/**
 * Reads the environment. Empty variables count as absent: Compose files cannot omit them.
 * @throws ConfigError that names every invalid variable
 */
export function readEnvironment({ env, cwd }: ShellContext): Environment {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = parseWithSchema(environmentSchema, set, {
    subject: 'the environment',
    nextStep: 'Correct or unset the variable.',
  });
  const { TEMPORAL_DEPLOYMENT_NAME: deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId } = read;
  return {
    logLevel: read.LOG_LEVEL ?? 'INFO',
    fetchBudget: defined({
      pages: read.ROLLCALL_FETCH_PAGES,
      seconds: read.ROLLCALL_FETCH_SECONDS,
      bytes: read.ROLLCALL_FETCH_BYTES,
    }),
    pacing: defined({
      rate_limit_reserve: read.ROLLCALL_RATE_LIMIT_RESERVE,
      max_concurrency: read.ROLLCALL_MAX_CONCURRENCY,
    }),
    heartbeatSeconds: read.ROLLCALL_HEARTBEAT_SECONDS ?? 10,
    ...(read.ROLLCALL_STAGING !== undefined && { stagingDir: path.resolve(cwd, read.ROLLCALL_STAGING) }),
    ...defined({ listen: read.ROLLCALL_LISTEN }),
    taskQueue: read.ROLLCALL_TASK_QUEUE ?? 'rollcall',
    ...(deploymentName !== undefined && buildId !== undefined && { deployment: { deploymentName, buildId } }),
  };
}
