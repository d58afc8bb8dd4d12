import { DefaultLogger, Runtime, type LogEntry, type PrometheusMetricsExporter } from '@temporalio/worker';
import { collectHistogramBuckets } from './core-meter';
import { simplifyLogEntry } from './plain-log';

/**
 * Installs Temporal's runtime. Must be the first statement of every process that speaks to Temporal, and runs once per
 * process: left to itself, Core prints its warnings on stdout, in colour, in the middle of an Airbyte stream. A logger
 * alone does not change that; only `forward` does.
 *
 * `log` gets the warnings and errors of workers, workflows and activities, in plain words; without it they go to stderr.
 * `metricsPort`: port of the loopback interface on which Core serves metrics, its own and ours, at /metrics. Absent: none are
 * kept. Throws when somebody listens on it.
 */
export function installRuntime(options: { log?: (entry: LogEntry) => void; metricsPort?: number } = {}): void {
  const stderr = new DefaultLogger('WARN');
  const log = options.log ?? ((entry: LogEntry) => stderr.log(entry.level, entry.message, entry.meta));
  Runtime.install({
    logger: new DefaultLogger('WARN', (entry) => {
      const plain = simplifyLogEntry(entry);
      if (plain) log(plain);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: 'WARN' },
      ...(options.metricsPort !== undefined && { metrics: { prometheus: buildPrometheusOptions(options.metricsPort) } }),
    },
  });
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
