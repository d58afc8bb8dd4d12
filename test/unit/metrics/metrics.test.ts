import { type MetricDeclaration, metrics } from '../../../src/metrics/metrics';

const declared: MetricDeclaration[] = Object.values(metrics);

it('gives every metric a name of its own', () => {
  expect(new Set(declared.map(({ name }) => name)).size).toBe(declared.length);
});

// https://prometheus.io/docs/practices/naming/
it.each(declared.map((each) => [each.name, each] as const))(
  '%s has the suffix of its kind and unit',
  (name, metric) => {
    expect(name).toMatch(/^rollcall(_[a-z]+)+$/);
    expect(name.endsWith('_total')).toBe(metric.kind === 'counter');
    expect(name.endsWith('_timestamp_seconds')).toBe(metric.unit === 'timestamp');
    if (metric.unit === 'seconds') expect(name).toMatch(/_seconds$/);
    if (metric.unit === 'bytes') expect(name).toMatch(/_bytes$/);
    expect(metric.buckets !== undefined).toBe(metric.kind === 'histogram');
    expect(metric.buckets).toEqual(metric.buckets && [...metric.buckets].sort((one, other) => one - other));
    expect(metric.help).toMatch(/^\S.*\.$/);
  },
);
