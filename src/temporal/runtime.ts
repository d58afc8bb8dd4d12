import type { MetricCounter, MetricGauge, MetricHistogram } from '@temporalio/common';
import { DefaultLogger, type LogEntry, type PrometheusMetricsExporter, Runtime } from '@temporalio/worker';
import { type Meter, type MetricDeclaration, type MetricName, metrics } from '../metrics/metrics';

/** Core adds the ending to every counter that it exports. */
export function toCoreName({ name, kind }: MetricDeclaration): string {
  return kind === 'counter' ? name.replace(/_total$/, '') : name;
}

/** Bounds of the histograms' buckets, by name. */
export function collectHistogramBuckets(): Record<string, number[]> {
  const all: MetricDeclaration[] = Object.values(metrics);
  return Object.fromEntries(all.flatMap(({ name, buckets }) => (buckets ? [[name, [...buckets]]] : [])));
}

/** Measures through Temporal's Core, which exports them with its own. The runtime has to be installed, with metrics. */
export function createCoreMeter(): Meter {
  const meter = Runtime.instance().metricMeter;
  const counters = new Map<string, MetricCounter>();
  const gauges = new Map<string, MetricGauge>();
  const histograms = new Map<string, MetricHistogram>();

  function known<Metric>(all: Map<string, Metric>, name: string, create: () => Metric): Metric {
    const metric = all.get(name) ?? create();
    all.set(name, metric);
    return metric;
  }

  // The unit stands in the name already; told of it, Core would add it once more.
  const counterOf = (metric: MetricName<'counter'>): MetricCounter => {
    const name = toCoreName(metrics[metric]);
    return known(counters, name, () => meter.createCounter(name, '', metrics[metric].help));
  };
  const gaugeOf = (metric: MetricName<'gauge'>): MetricGauge => {
    const { name, help } = metrics[metric];
    return known(gauges, name, () => meter.createGauge(name, 'float', '', help));
  };
  const histogramOf = (metric: MetricName<'histogram'>): MetricHistogram => {
    const { name, help } = metrics[metric];
    return known(histograms, name, () => meter.createHistogram(name, 'float', '', help));
  };

  return {
    add: (metric, labels, by = 1) => counterOf(metric).add(by, labels),
    set: (metric, labels, value) => gaugeOf(metric).set(value, labels),
    // A clock that was set back must not cost more than one value.
    record: (metric, labels, value) => histogramOf(metric).record(Math.max(0, value), labels),
  };
}

/** The shape of an ApplicationFailure. */
interface LoggedFailure {
  name?: string;
  message: string;
  nonRetryable?: boolean | null;
}

/**
 * Workers that have only workflows or only activities have so on purpose; how a workflow failed is its starter's to tell; who
 * asked how it stands, and has gone before the answer, misses nothing.
 */
const ignoredMessages = /^No (activities|workflows) registered, not polling|^Workflow failed$|^Query not found when /;

/**
 * An entry of Temporal's log for people, or undefined when it says nothing new. Activities fail on purpose, in words meant
 * for the reader: where in the code that was says no more, and what is not tried again is told as the result.
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
 * Installs Temporal's runtime if the process has none, and adds a receiver of its log; the same function once. Must run before any other use of
 * Temporal: without `forward`, Core prints its warnings on stdout, where only protocol messages may appear.
 *
 * The runtime does not handle signals: commands stop their workers themselves.
 * @param options.log default: prints to stderr
 * @param options.metricsPort port of the loopback interface on which Core serves its metrics and ours at /metrics; absent:
 *   no metrics
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

/** Names as Prometheus would have them: seconds, and endings that tell what is counted. */
function buildPrometheusOptions(port: number): PrometheusMetricsExporter['prometheus'] {
  return {
    bindAddress: `127.0.0.1:${port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
    histogramBucketOverrides: collectHistogramBuckets(),
  };
}
