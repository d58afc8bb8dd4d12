import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { metrics } from '../../../src/metrics/metrics';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { createNamespace } from '../../support/servers';
import { createSchedule } from '../../../src/temporal/schedules';
import { runCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { type Exposition, metricOf } from '../../support/exposition';
import { startMonitoredWorker } from '../../support/monitored-worker';
import { fillIn, loadPromql, type Query } from '../../support/promql';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const root = join(__dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Alert {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}
const rules = parse(read('deploy/prometheus/rules.yml')) as { groups: { name: string; rules: Alert[] }[] };
const alerts = rules.groups.flatMap((group) => group.rules);

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { expr: string; legendFormat: string }[];
}
const dashboard = JSON.parse(read('deploy/grafana/dashboards/rollcall.json')) as {
  uid: string;
  panels: Panel[];
  templating: { list: { name: string; query: string | { query: string } }[] };
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, fillIn(expr)] as const)),
];

/** Metrics and labels that Prometheus adds. */
const prometheusNames = { metrics: ['up'], labels: ['job', 'instance'] };

const folder = scratchFolder();
let temporal: TemporalConnection;
let tenant: Emulator;
let worker: Awaited<ReturnType<typeof startMonitoredWorker>>;
let scraped: Exposition;
let parsePromql: (expression: string) => Query;

/** The metrics of a worker after a sync at the rate limit, with a schedule, and with a workflow whose task fails. */
beforeAll(async () => {
  parsePromql = await loadPromql();
  const server = await createNamespace();
  tenant = await startEmulator({ scenario: 'small', rateLimits: { global: { size: 10, perSecond: 10 } } });
  projectFor(folder, tenant);
  const options = { cwd: folder, env: server.env, intervals: { serverMetricsMs: 100, progressMs: 100 } };
  worker = await startMonitoredWorker(options);
  await worker.waitForOutput('Metrics at');
  temporal = await connect(server);
  const { client } = temporal;
  await createSchedule(client, { connection: 'acme', taskQueue: 'rollcall', settings: { every: 86_400_000 } });
  // Without its input, a workflow fails in its first task.
  const stuck = await client.workflow.start('syncWorkflow', { workflowId: 'stuck', taskQueue: 'rollcall', args: [] });
  expect((await runCli(['sync', 'acme'], options)).code).toBe(0);
  const last = metrics.lastComplete.name;
  await until(async () => {
    scraped = await worker.scrape();
    return scraped.valueOf(last) !== undefined && scraped.valueOf(metrics.schedulePaused.name) !== undefined;
  });
  await stuck.terminate();
});
afterAll(async () => {
  worker.interrupt();
  await worker.ended;
  await temporal.close();
  await tenant.close();
});

it('a worker exports every metric that is declared', () => {
  const names = new Set(scraped.samples.map((sample) => metricOf(sample, scraped)));
  expect(Object.values(metrics).filter(({ name }) => !names.has(name))).toEqual([]);
});

it.each(expressions)('%s queries metrics and labels that a worker exports: %s', (_, expression) => {
  const asked = parsePromql(expression);
  expect(asked.metrics.length).toBeGreaterThan(0);
  for (const metric of asked.metrics.filter((name) => !prometheusNames.metrics.includes(name))) {
    const samples = scraped.samples.filter(({ name }) => name === metric);
    expect({ metric, exported: samples.length > 0 }).toEqual({ metric, exported: true });
  }
  const labels = asked.metrics.flatMap((metric) =>
    scraped.samples.filter(({ name }) => name === metric).flatMap((each) => Object.keys(each.labels)),
  );
  for (const label of asked.labels) expect([...prometheusNames.labels, ...labels]).toContain(label);
});

it('queries compare labels with values that the metrics have', () => {
  const named = expressions.flatMap(([, text]) => [...text.matchAll(/(\w+)=~?"([^".$*]+)"/g)]);
  const known = scraped.samples.flatMap(({ labels }) =>
    Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  );
  const rare = ['end=partial', 'end=failed', 'status=5xx', 'status=none', 'job=rollcall'];
  for (const [, label = '', values = ''] of named) {
    for (const value of values.split('|')) expect([...known, ...rare]).toContain(`${label}=${value}`);
  }
});

describe('deploy/prometheus', () => {
  const prometheus = parse(read('deploy/prometheus/prometheus.yml')) as {
    rule_files: string[];
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
  };

  it('scrapes the job that the rules name, and reads the rules', () => {
    expect(prometheus.scrape_configs.map(({ job_name: name }) => name)).toEqual(['rollcall']);
    expect(prometheus.rule_files).toEqual(['/etc/prometheus/rules.yml']);
  });

  it('has no two alerts of one name', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s has a summary and a link to its runbook',
    (name, alert) => {
      expect(
        Object.keys(alert).filter((key) => !['alert', 'expr', 'for', 'labels', 'annotations'].includes(key)),
      ).toEqual([]);
      expect(alert.for ?? '0m').toMatch(/^\d+[smh]$/);
      expect(['warning', 'critical']).toContain(alert.labels.severity);
      expect(alert.annotations.runbook).toBe(`docs/operations.md#${name.toLowerCase()}`);
      // A label that the expression drops is empty in the summary.
      for (const [, label = ''] of alert.annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        const grouped = [...alert.expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */));
        expect(grouped.length > 0 ? grouped : ['instance']).toContain(label);
      }
    },
  );
});

describe('deploy/grafana', () => {
  it('has panels with unique titles and places, which query the selected data source', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...cells.map((cell) => Number(cell.split(',')[0])))).toBeLessThan(24);
    for (const { datasource, targets = [] } of panels) {
      expect(datasource?.uid).toBe('${datasource}');
      expect(targets.length).toBeGreaterThan(0);
    }
  });

  it('has legends with labels that their queries return', () => {
    for (const { targets = [] } of panels) {
      for (const { expr, legendFormat } of targets) {
        const { labels } = parsePromql(fillIn(expr));
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect([...labels, 'instance']).toContain(label);
      }
    }
  });

  it('takes the list of connections from a metric', () => {
    const connection = dashboard.templating.list.find(({ name }) => name === 'connection')?.query as { query: string };
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(connection.query) ?? [];
    expect(scraped.samples.find(({ name }) => name === metric)?.labels[label]).toBe('acme');
  });

  it('provisions a data source and a folder of dashboards', () => {
    const sources = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { type: string; url: string }[];
    };
    expect(sources.datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }]);
    const boards = parse(read('deploy/grafana/provisioning/dashboards/rollcall.yml')) as {
      providers: { type: string; options: { path: string } }[];
    };
    expect(boards.providers).toMatchObject([{ type: 'file', options: { path: '/var/lib/grafana/dashboards' } }]);
    expect(existsSync(join(root, 'deploy/grafana/dashboards/rollcall.json'))).toBe(true);
  });
});
