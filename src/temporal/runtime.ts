import type { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, type LogEntry, type PrometheusMetricsExporter, Runtime } from '@temporalio/worker';
import { type Meter, type MetricDeclaration, type Metrics, metrics } from '../metrics/metrics';

/** Records metrics through Temporal's Core, which exports them with its own. Requires a runtime with metrics. */
export function createCoreMeter(): Meter {
  const meter = Runtime.instance().metricMeter;
  const instruments = new Map<string, unknown>();

  function getInstrument<T>(metric: keyof Metrics, create: (name: string, help: string) => T): T {
    const instrument = (instruments.get(metric) as T | undefined) ?? create(metrics[metric].name, metrics[metric].help);
    instruments.set(metric, instrument);
    return instrument;
  }

  // Without units: the names contain them, and Core would append them again. It appends `_total` to the name of a counter.
  return {
    add: (metric, labels, by = 1) =>
      getInstrument(metric, (name, help) => meter.createCounter(name.replace(/_total$/, ''), '', help)).add(by, labels),
    set: (metric, labels, value) =>
      getInstrument(metric, (name, help) => meter.createGauge(name, 'float', '', help)).set(value, labels),
    // A clock that was set back yields a negative duration.
    record: (metric, labels, value) =>
      getInstrument(metric, (name, help) => meter.createHistogram(name, 'float', '', help)).record(
        Math.max(0, value),
        labels,
      ),
  };
}

/**
 * Workers with only workflows or only activities are intended. The starter of a workflow reports its failure. A query whose
 * sender has ended needs no answer.
 */
const ignoredMessages = /^No (activities|workflows) registered, not polling|^Workflow failed$|^Query not found when /;

/**
 * Reduces an entry of Temporal's log to what a user needs; undefined when that is nothing. The message of a failed activity
 * is written for users and needs no stack trace. A failure that is not retried is reported as the result.
 */
export function simplifyLogEntry(entry: LogEntry): LogEntry | undefined {
  if (ignoredMessages.test(entry.message)) return undefined;
  const { level, timestampNanos, meta: { error, workflowId, attempt } = {} } = entry;
  const { name, message, nonRetryable } = (error ?? {}) as Partial<ApplicationFailure>;
  if (name !== 'ApplicationFailure') return entry;
  if (nonRetryable) return undefined;
  return { level, timestampNanos, message: `${workflowId}: attempt ${attempt} failed: ${message}` };
}

/** Receives the warnings and errors of workers, workflows and activities. */
export type LogReceiver = (entry: LogEntry) => void;

/** There is one runtime per process; commands that share a process share it, and each receives the entries of all. */
const logReceivers = new Set<LogReceiver>();
let installedMetricsPort: number | 'none' | undefined;

/**
 * Installs Temporal's runtime if the process has none, and adds a receiver of its log. Must run before any other use of
 * Temporal: by default, Core prints warnings on stdout, where only protocol messages may appear.
 *
 * The runtime does not handle signals: commands stop their workers themselves.
 * @param options.log default: prints to stderr
 * @param options.metricsPort port of the loopback interface on which Core serves all metrics at /metrics; absent: no metrics
 * @returns removes the receiver
 * @throws Error when the port is in use, or when the process has a runtime without these metrics
 */
export function installRuntime(options: { log?: LogReceiver; metricsPort?: number } = {}): () => void {
  const stderr = new DefaultLogger('WARN');
  const log = options.log ?? (({ level, message, meta }: LogEntry): void => stderr.log(level, message, meta));
  if (installedMetricsPort === undefined) {
    Runtime.install({
      shutdownSignals: [],
      logger: new DefaultLogger('WARN', (entry) => {
        const simplified = simplifyLogEntry(entry);
        if (simplified) for (const receive of logReceivers) receive(simplified);
      }),
      telemetryOptions: {
        logging: { forward: {}, filter: 'WARN' },
        ...(options.metricsPort !== undefined && {
          metrics: { prometheus: buildPrometheusOptions(options.metricsPort) },
        }),
      },
    });
    installedMetricsPort = options.metricsPort ?? 'none';
  } else if (options.metricsPort !== undefined && options.metricsPort !== installedMetricsPort) {
    throw new Error('the Temporal runtime of this process was installed without these metrics');
  }
  logReceivers.add(log);
  return () => logReceivers.delete(log);
}

/** The port on which the process's runtime serves metrics, if it does. */
export function getMetricsPort(): number | undefined {
  return installedMetricsPort === 'none' ? undefined : installedMetricsPort;
}

/** Names by Prometheus' conventions: seconds, and suffixes for units and counters. */
function buildPrometheusOptions(port: number): PrometheusMetricsExporter['prometheus'] {
  const all: MetricDeclaration[] = Object.values(metrics);
  return {
    bindAddress: `127.0.0.1:${port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
    histogramBucketOverrides: Object.fromEntries(
      all.flatMap(({ name, buckets }) => (buckets ? [[name, [...buckets]]] : [])),
    ),
  };
}
