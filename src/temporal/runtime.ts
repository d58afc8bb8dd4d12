import type { MetricCounter, MetricGauge, MetricHistogram } from '@temporalio/common';
import { DefaultLogger, type LogEntry, type PrometheusMetricsExporter, Runtime } from '@temporalio/worker';
import { type Meter, type MetricDeclaration, type MetricName, metrics } from '../metrics/metrics';

/** Core appends `_total` to the name of every counter. */
export function toCoreName({ name, kind }: MetricDeclaration): string {
  return kind === 'counter' ? name.replace(/_total$/, '') : name;
}

/** Bucket bounds of the histograms, by name. */
export function collectHistogramBuckets(): Record<string, number[]> {
  const all: MetricDeclaration[] = Object.values(metrics);
  return Object.fromEntries(all.flatMap(({ name, buckets }) => (buckets ? [[name, [...buckets]]] : [])));
}

/** Records metrics through Temporal's Core, which exports them with its own. Requires a runtime with metrics. */
export function createCoreMeter(): Meter {
  const meter = Runtime.instance().metricMeter;
  const counters = new Map<string, MetricCounter>();
  const gauges = new Map<string, MetricGauge>();
  const histograms = new Map<string, MetricHistogram>();

  function getOrCreate<Metric>(all: Map<string, Metric>, name: string, create: () => Metric): Metric {
    const metric = all.get(name) ?? create();
    all.set(name, metric);
    return metric;
  }

  // Without a unit: the name contains it, and Core would append it again.
  const counterOf = (metric: MetricName<'counter'>): MetricCounter => {
    const name = toCoreName(metrics[metric]);
    return getOrCreate(counters, name, () => meter.createCounter(name, '', metrics[metric].help));
  };
  const gaugeOf = (metric: MetricName<'gauge'>): MetricGauge => {
    const { name, help } = metrics[metric];
    return getOrCreate(gauges, name, () => meter.createGauge(name, 'float', '', help));
  };
  const histogramOf = (metric: MetricName<'histogram'>): MetricHistogram => {
    const { name, help } = metrics[metric];
    return getOrCreate(histograms, name, () => meter.createHistogram(name, 'float', '', help));
  };

  return {
    add: (metric, labels, by = 1) => counterOf(metric).add(by, labels),
    set: (metric, labels, value) => gaugeOf(metric).set(value, labels),
    // A clock that was set back yields a negative duration.
    record: (metric, labels, value) => histogramOf(metric).record(Math.max(0, value), labels),
  };
}

/** The relevant part of an ApplicationFailure. */
interface LoggedFailure {
  name?: string;
  message: string;
  nonRetryable?: boolean | null;
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
  const { error, workflowId, attempt } = entry.meta ?? {};
  if ((error as LoggedFailure | undefined)?.name !== 'ApplicationFailure') return entry;
  const { message, nonRetryable } = error as LoggedFailure;
  if (nonRetryable) return undefined;
  return {
    level: entry.level,
    timestampNanos: entry.timestampNanos,
    message: `${String(workflowId)}: attempt ${String(attempt)} failed: ${message}`,
  };
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
  const log: LogReceiver = options.log ?? ((entry) => stderr.log(entry.level, entry.message, entry.meta));
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
  return {
    bindAddress: `127.0.0.1:${port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
    histogramBucketOverrides: collectHistogramBuckets(),
  };
}
