import { createTenants, type TenantOptions } from '../activities/tenants';
import type { ListenAddress, WorkerDeploymentVersion } from '../config/environment';
import { defined } from '../json';
import { createStaging } from '../staging/staging';
import type { SyncRun } from '../temporal/sync-run';
import type { SyncResult } from '../workflows/contract';
import { createMetricsObserver } from './activity-metrics';
import type { CommandContext } from './command-context';
import type { ConnectionSettings } from './connection-settings';
import type { Monitoring } from './monitoring';
import { openSession, type Session, type SessionOptions, SyncInterrupted } from './session';
import type { WorkerParts } from './worker';

/** What a process that runs syncs consists of. */
export interface AppOptions {
  session: SessionOptions;
  taskQueue: string;
  stagingDir: string;
  settings: ConnectionSettings;
  /**
   * The process runs one sync of this connection and ends: the token is requested while the server starts, and workflows
   * run in the main thread, which starts faster.
   */
  onlyConnection?: string;
  /** Receives every access token, to keep it out of logs. */
  onToken?: TenantOptions['onToken'];
  /** Absent: the worker runs no scheduled syncs. */
  schedules?: WorkerParts['schedules'];
  deploymentVersion?: WorkerDeploymentVersion | undefined;
  /** Where to serve metrics and health, and of which connections. Absent: nothing is measured. */
  monitoring?: { address: ListenAddress; listConnections(): Promise<string[]> } | undefined;
}

/** A worker and everything it needs, in this process. */
export interface App {
  session: Session;
  /** Resolves when the worker has stopped; rejects when it fails. */
  workerStopped: Promise<void>;
  /** URL of metrics and health. */
  monitoringUrl?: string;
  /** Finishes the pages in progress, returns other work to the server, and closes everything. */
  close(): Promise<void>;
}

/** A run that has staged nothing for this long, rate limit waits included, is abandoned. */
const abandonedAfterMs = 7 * 24 * 3600 * 1000;

/** Builds the parts of a process that runs syncs, in the order of their dependencies, and starts the worker. */
export async function createApp(options: AppOptions, context: CommandContext): Promise<App> {
  const { taskQueue, settings, onlyConnection } = options;
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (let next = closers.pop(); next; next = closers.pop()) await next();
  };
  try {
    // Before the session: metrics are set when Temporal's runtime is installed.
    const monitoring = await openMonitoring(options.monitoring?.address, context);
    closers.push(() => monitoring?.close());

    // The server starts while the modules below are loaded.
    const opening = openSession(options.session, context);
    const opened = opening.catch(() => undefined);
    closers.push(async () => (await opened)?.close());

    const meter = monitoring?.meter;
    const tenants = createTenants({
      resolveSource: settings.resolveSource,
      ...(meter && { createObserver: (connection) => createMetricsObserver(meter, connection) }),
      ...defined({ onToken: options.onToken }),
    });
    closers.push(() => tenants.close());
    if (onlyConnection !== undefined) requestToken(tenants.getTenant(onlyConnection));

    const staging = createStaging(options.stagingDir);
    await staging.removeStaleRuns(abandonedAfterMs, context.now());
    const destinations = settings.openDestinations(staging);
    closers.push(() => destinations.close());

    const { startWorker } = await import('./worker.js');
    const session = await opening;
    const worker = await startWorker({
      connection: session.connection,
      taskQueue,
      staging,
      tenants,
      getSink: destinations.getSink,
      runInMainThread: onlyConnection !== undefined,
      meter,
      ...defined({ schedules: options.schedules, deploymentVersion: options.deploymentVersion }),
    });
    closers.push(() => worker.stop());

    if (monitoring && options.monitoring) {
      const { listConnections } = options.monitoring;
      closers.push(monitoring.watch({ session, taskQueue, tenants, listConnections, state: () => worker.state() }));
    }
    return { session, workerStopped: worker.stopped, close, ...defined({ monitoringUrl: monitoring?.url }) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openMonitoring(
  address: ListenAddress | undefined,
  context: CommandContext,
): Promise<Monitoring | undefined> {
  return address && (await import('./monitoring.js')).openMonitoring(address, context);
}

/** A failure is reported by the first fetch. */
function requestToken(opening: ReturnType<ReturnType<typeof createTenants>['getTenant']>): void {
  opening.then(({ client }) => client.getScopes()).catch(() => undefined);
}

/**
 * The result of a run. Rejects when the server, or the worker in this process, ends before the run.
 * @param app without `workerStopped` when the worker is another process
 */
export function awaitRun(
  run: Pick<SyncRun, 'result'>,
  { session, workerStopped }: Pick<App, 'session'> & Partial<App>,
  signal?: AbortSignal,
): Promise<SyncResult> {
  const stopped = workerStopped?.then(() => {
    throw new SyncInterrupted('the worker stopped before the sync ended.', 'Run `rollcall sync` again to continue.');
  });
  const serverExited = session.serverExited.then((reason) => Promise.reject(reason));
  return Promise.race([run.result(signal), serverExited, ...(stopped ? [stopped] : [])]);
}
