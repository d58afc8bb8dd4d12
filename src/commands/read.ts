import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { parseConfiguredCatalog } from '../airbyte/catalog';
import { parseState } from '../airbyte/stream-state';
import { awaitRun, createApp } from '../app/app';
import { createScratchFolder } from '../app/scratch-folder';
import { createSyncInput, readLimits } from '../app/sync-input';
import { readEnvironment } from '../config/environment';
import { readJsonObject, readStateFile } from '../config/parsed-file';
import { listSecrets, parseSourceConfig, type SourceConfig } from '../config/source';
import { failureDetailsByType } from '../errors';
import { defined } from '../json';
import type { StreamState } from '../protocol';
import { createStdoutSink } from '../sinks/stdout';
import { streams } from '../streams/registry';
import type { AirbyteContext } from './airbyte-command';
import { getResultExitCode } from './terminal/result-text';

export interface ReadFlags {
  config: string;
  catalog: string;
  state?: string;
}

/** Longer than any tenant takes. Ends what a killed process leaves on a permanent server. */
const workflowTimeoutMs = 7 * 24 * 3600 * 1000;

/** Airbyte's `read`. Everything runs in this process, on a task queue of its own. */
export async function runRead(flags: ReadFlags, context: AirbyteContext): Promise<number> {
  const { output } = context;
  const environment = readEnvironment(context);
  const { config, catalog, initialState } = await loadReadRequest(flags, context);
  const connection = `read-${randomUUID()}`;
  const scratch = await createScratchFolder();
  context.onExit(scratch.remove);
  const [app, { startSync }, { knowsSearchAttributes }] = await Promise.all([
    createApp(
      {
        session: { logDir: scratch.path },
        taskQueue: connection,
        stagingDir: environment.stagingDir ?? join(scratch.path, 'staging'),
        settings: {
          resolveSource: () => Promise.resolve(config),
          openDestinations(staging) {
            const sink = createStdoutSink({ output, staging, initialState });
            return { getSink: () => Promise.resolve(sink), close: () => sink.close() };
          },
        },
        onlyConnection: connection,
        onToken: (token) => context.secrets.add(token),
      },
      context,
    ),
    import('../temporal/sync-run.js'),
    import('../temporal/register-search-attributes.js'),
  ]);
  try {
    const { session } = app;
    const run = await startSync(session.connection.client, {
      workflowId: `read/${connection}`,
      taskQueue: connection,
      timeoutMs: workflowTimeoutMs,
      input: createSyncInput({
        connection,
        streams: catalog.streams,
        sinkQueue: connection,
        limits: readLimits(environment),
        readOptions: config.readOptions,
        // A local server ends with this process.
        searchAttributes: !session.embedded && (await knowsSearchAttributes(session.connection)),
        unknownStreams: catalog.problems.map(({ stream, message }) => ({
          stream: { ...stream, syncMode: 'full_refresh', destinationSyncMode: 'append' },
          failure: { type: 'UnknownStream', ...failureDetailsByType.config_error, message },
        })),
        ...defined({ startDate: config.startDate }),
      }),
    });
    const result = await awaitRun(run, app);
    await output.flush();
    return getResultExitCode(result);
  } finally {
    await app.close();
  }
}

interface ReadRequest {
  config: SourceConfig;
  catalog: ReturnType<typeof parseConfiguredCatalog>;
  initialState: Record<string, StreamState>;
}

async function loadReadRequest(flags: ReadFlags, { cwd, secrets }: AirbyteContext): Promise<ReadRequest> {
  const config = parseSourceConfig(await readJsonObject('--config', flags.config, cwd));
  for (const secret of listSecrets(config)) secrets.add(secret);
  return {
    config,
    catalog: parseConfiguredCatalog(await readJsonObject('--catalog', flags.catalog, cwd), streams),
    initialState: parseState(flags.state === undefined ? undefined : await readStateFile('--state', flags.state, cwd)),
  };
}
