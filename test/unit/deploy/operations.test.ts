import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { metrics } from '../../../src/metrics/metrics';
import { findAnchors } from '../../support/documentation';

const root = join(__dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const page = read('docs/operations.md');
const alerts = (
  parse(read('deploy/prometheus/rules.yml')) as {
    groups: { rules: { alert: string; annotations: { runbook: string } }[] }[];
  }
).groups.flatMap(({ rules }) => rules);

it('has a section for each alert, to which the alert links, and for no other', () => {
  const links = alerts.map(({ annotations }) => annotations.runbook.split('#'));
  expect(links.map(([file]) => file)).toEqual(alerts.map(() => 'docs/operations.md'));
  const anchors = findAnchors({ path: 'docs/operations.md', text: page });
  expect(anchors).toEqual(expect.arrayContaining(links.map(([, anchor]) => anchor)));
  const sections = [...page.matchAll(/^### (Rollcall\w+)$/gm)].map(([, title]) => title);
  expect(sections).toEqual(alerts.map(({ alert }) => alert));
});

it('has more than one line in the section of each alert', () => {
  const [, runbook = ''] = /^## Runbook$(.*?)^## /ms.exec(page) ?? [];
  for (const section of runbook.split(/^### /m).slice(1)) expect(section.length).toBeGreaterThan(150);
});

it('names metrics, variables and alerts that exist', () => {
  const exported: string[] = Object.values(metrics).map(({ name }) => name);
  for (const [name] of page.matchAll(/\brollcall_[a-z_]+\b/g)) expect(exported).toContain(name);
  const environment = read('src/config/environment.ts');
  for (const [name] of page.matchAll(/\b(ROLLCALL|TEMPORAL)_[A-Z]+(_[A-Z]+)+\b/g)) expect(environment).toContain(name);
  for (const [name] of page.matchAll(/\bRollcall[A-Z]\w+\b/g)) expect(alerts.map(({ alert }) => alert)).toContain(name);
});

it('names files and folders that exist', () => {
  for (const [, path = ''] of page.matchAll(/`(deploy\/\w+|docker-compose\.yml)`/g)) {
    expect(existsSync(join(root, path))).toBe(true);
  }
});
