import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { LogEntry } from '@temporalio/worker';
import { createTenants, type Tenants } from '../activities/tenants';
import { parseConfiguredCatalog } from '../airbyte/catalog';
import { parseState } from '../airbyte/stream-state';
import { createScratchFolder } from '../app/scratch-folder';
import { openSession } from '../app/session';
import { createSyncInput, readLimits } from '../app/sync-input';
import { readEnvironment } from '../config/environment';
import { readJsonObject, readStateFile } from '../config/parsed-file';
import { listSecrets, parseSourceConfig } from '../config/source';
import { failureDetailsByType } from '../errors';
import { createStdoutSink } from '../sinks/stdout';
import { createStaging } from '../staging/staging';
import { streams } from '../streams/registry';
import type { AirbyteContext } from './airbyte-command';
import { getResultExitCode } from './terminal/status-text';

export interface ReadFlags {
  config: string;
  catalog: string;
  state?: string;
}

/** A `read` that nobody ends: longer than any tenant takes, so that nothing of a killed process stays on a shared server. */
const readTimeoutMs = 7 * 24 * 3600 * 1000;

/** Airbyte's `read`: everything of it runs in this process, on a task queue of its own. */
export async function runRead(flags: ReadFlags, context: AirbyteContext): Promise<number> {
  const { output, secrets, cwd } = context;
  const environment = readEnvironment(context);
  const config = parseSourceConfig(await readJsonObject('--config', flags.config, cwd));
  for (const secret of listSecrets(config)) secrets.add(secret);
  const catalog = parseConfiguredCatalog(await readJsonObject('--catalog', flags.catalog, cwd), streams);
  const initialState = parseState(
    flags.state === undefined ? undefined : await readStateFile('--state', flags.state, cwd),
  );

  const connection = `read-${randomUUID()}`;
  const tenants = createTenants({
    resolveSource: () => Promise.resolve(config),
    onToken: (token) => secrets.add(token),
  });
  prefetchToken(tenants, connection);

  const scratch = await createScratchFolder();
  context.onExit(scratch.remove);
  const folder = scratch.path;
  const staging = createStaging(environment.stagingDir ?? join(folder, 'staging'));
  const [session, { hostWorker }, { startSync }, { knowsSearchAttributes }] = await Promise.all([
    openSession(context, {
      logDir: folder,
      onInfo: (text) => output.log('INFO', text),
      onLogEntry: ({ level, message, meta }) => {
        output.log(level === 'WARN' ? 'WARN' : 'ERROR', message, extractStackFrames(meta));
      },
    }),
    // Loaded while the server comes up.
    import('../app/hosting.js'),
    import('../temporal/sync-run.js'),
    import('../temporal/register-search-attributes.js'),
  ]);
  try {
    const sink = createStdoutSink({ output, staging, initialState });
    const hosting = await hostWorker({
      connection: session.connection,
      taskQueue: connection,
      staging,
      tenants,
      getSink: () => Promise.resolve(sink),
      oneShot: true,
    });
    const run = await startSync(session.connection.client, {
      workflowId: `read/${connection}`,
      taskQueue: connection,
      timeoutMs: readTimeoutMs,
      input: createSyncInput({
        connection,
        streams: catalog.streams,
        sinkQueue: connection,
        limits: readLimits(environment),
        readOptions: config.readOptions,
        // Nobody searches a server that ends with this process.
        searchAttributes: !session.embedded && (await knowsSearchAttributes(session.connection)),
        ...(config.startDate === undefined ? {} : { startDate: config.startDate }),
        unknownStreams: catalog.problems.map(({ stream, message }) => ({
          stream: { ...stream, syncMode: 'full_refresh', destinationSyncMode: 'append' },
          failure: { type: 'UnknownStream', ...failureDetailsByType.config_error, message },
        })),
      }),
    });
    const result = await Promise.race([
      run.result(),
      hosting.done.then(() => Promise.reject(new Error('the worker stopped before the sync ended'))),
      session.serverExited.then((reason) => Promise.reject(reason)),
    ]);
    await output.flush();
    await hosting.stop();
    return getResultExitCode(result);
  } finally {
    await session.close();
  }
}

/** Fetches the token while the server comes up. What is wrong with it is the first slice's to tell. */
function prefetchToken({ getTenant }: Tenants, connection: string): void {
  getTenant(connection)
    .then(({ client }) => client.getScopes())
    .catch(() => undefined);
}

/** Where an error came from; not its message, which may quote a record. */
function extractStackFrames(meta: LogEntry['meta']): string | undefined {
  // An activity has left it out already (activities/failure.ts).
  const { name, at } = (meta ?? {}) as { name?: string; at?: string[] };
  if (at) return [name, ...at].join('\n');
  const error = (meta?.['error'] ?? {}) as Partial<Error>;
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return frames && [error.name, ...frames].join('\n');
}
