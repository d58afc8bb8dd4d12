import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { LogEntry } from '@temporalio/worker';
import { createTenants, type Tenants } from '../activities/tenant';
import { parseConfiguredCatalog } from '../airbyte/catalog';
import type { VerbContext } from './verb';
import { parseState } from '../airbyte/state';
import { readEnvironment } from '../config/environment';
import { readJsonObject, readStateFile } from '../config/json-file';
import { parseSourceConfig, secretsOf } from '../config/source';
import { createStdoutSink } from '../sinks/stdout';
import { createStaging } from '../staging/staging';
import { streams } from '../streams/registry';
import { exitCodeOfResult } from './result';
import { openScratch } from './scratch';
import { openSession } from './session';
import { limitsOf, syncInput } from './sync-input';

export interface ReadFlags {
  config: string;
  catalog: string;
  state?: string;
}

/** A `read` that nobody ends: longer than any tenant takes, so that nothing of a killed process stays on a shared server. */
const timeoutMs = 7 * 24 * 3600 * 1000;

/** Airbyte's `read`: everything of it runs in this process, on a task queue of its own. */
export async function read(flags: ReadFlags, { output, secrets }: VerbContext): Promise<number> {
  const environment = readEnvironment();
  const config = parseSourceConfig(await readJsonObject('--config', flags.config));
  for (const secret of secretsOf(config)) secrets.add(secret);
  const catalog = parseConfiguredCatalog(await readJsonObject('--catalog', flags.catalog), streams);
  const initialState = parseState(flags.state === undefined ? undefined : await readStateFile('--state', flags.state));

  const connection = `read-${randomUUID()}`;
  const tenants = createTenants({
    resolve: () => Promise.resolve(config),
    onToken: (token) => secrets.add(token),
  });
  signIn(tenants, connection);

  const folder = await openScratch();
  const staging = createStaging(environment.stagingDir ?? join(folder, 'staging'));
  const [session, { hostWorker }, { startSync }, { knowsSearchAttributes }] = await Promise.all([
    openSession({
      logDir: folder,
      log: ({ level, message, meta }) => {
        output.log(level === 'WARN' ? 'WARN' : 'ERROR', message, framesOf(meta));
      },
    }),
    // Loaded while the server comes up.
    import('./hosting.js'),
    import('../temporal/sync-run.js'),
    import('../temporal/search-attributes.js'),
  ]);
  try {
    const sink = createStdoutSink({ output, staging, initialState });
    const hosting = await hostWorker({
      connection: session.connection,
      taskQueue: connection,
      staging,
      tenants,
      sinkOf: () => Promise.resolve(sink),
      oneShot: true,
    });
    const run = await startSync(session.connection.client, {
      workflowId: `read/${connection}`,
      taskQueue: connection,
      timeoutMs,
      input: syncInput({
        connection,
        streams: catalog.streams,
        sinkQueue: connection,
        limits: limitsOf(environment),
        reading: config.reading,
        // Nobody searches a server that ends with this process.
        searchAttributes: !session.embedded && (await knowsSearchAttributes(session.connection)),
        ...(config.startDate === undefined ? {} : { startDate: config.startDate }),
        refused: catalog.problems.map(({ stream, message }) => ({
          stream: { ...stream, syncMode: 'full_refresh', destinationSyncMode: 'append' },
          failure: { type: 'UnknownStream', kind: 'config_error', message },
        })),
      }),
    });
    const result = await Promise.race([
      run.result(),
      hosting.done.then(() => Promise.reject(new Error('the worker stopped before the sync ended'))),
      session.lost.then((reason) => Promise.reject(reason)),
    ]);
    await output.flush();
    await hosting.stop();
    return exitCodeOfResult(result);
  } finally {
    await session.close();
  }
}

/** Fetches the token while the server comes up. What is wrong with it is the first slice's to tell. */
function signIn({ tenantOf }: Tenants, connection: string): void {
  tenantOf(connection)
    .then(({ client }) => client.scopes())
    .catch(() => undefined);
}

/** Where an error came from; not its message, which may quote a record. */
function framesOf(meta: LogEntry['meta']): string | undefined {
  // An activity has left it out already (activities/failure.ts).
  const { name, at } = (meta ?? {}) as { name?: string; at?: string[] };
  if (at) return [name, ...at].join('\n');
  const error = (meta?.['error'] ?? {}) as Partial<Error>;
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return frames && [error.name, ...frames].join('\n');
}
