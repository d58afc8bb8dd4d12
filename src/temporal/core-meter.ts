import { Runtime } from '@temporalio/worker';
import type { MetricCounter, MetricGauge, MetricHistogram } from '@temporalio/common';
import type { Meter } from '../metrics/meter';
import { metrics, type MetricDeclaration, type MetricName } from '../metrics/table';

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
