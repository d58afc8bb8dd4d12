import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { maxWorkerMemory } from '../../../bench/tenants';
import { parseListenAddress, readEnvironment } from '../../../src/config/environment';
import { loadProject } from '../../../src/config/project';
import { streams } from '../../../src/streams/registry';
import { shutdownGraceMs } from '../../../src/temporal/worker';
import { createShell, declareProgram } from '../../support/cli';
import { scratchFolder } from '../../support/scratch';

const folder = join(__dirname, '..', '..', '..', 'deploy', 'kubernetes');
const scratch = scratchFolder();

interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  timeoutSeconds?: number;
  failureThreshold: number;
}
interface Container {
  image: string;
  args: string[];
  env: { name: string; value: string }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: object;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}
interface Volume {
  name: string;
  configMap?: { name: string };
  secret?: { secretName: string };
  persistentVolumeClaim?: { claimName: string };
  emptyDir?: object;
}
interface Labelled {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
}
interface Deployment extends Labelled {
  spec: {
    replicas: number;
    selector: { matchLabels: Record<string, string> };
    strategy: { rollingUpdate: { maxUnavailable: number } };
    template: Labelled & {
      spec: {
        automountServiceAccountToken: boolean;
        terminationGracePeriodSeconds: number;
        securityContext: object;
        containers: Container[];
        volumes: Volume[];
      };
    };
  };
}

type Manifest = { apiVersion: string; kind: string; metadata: { name: string } } & Record<string, unknown>;

const manifests = new Map(
  readdirSync(folder).map((file) => {
    const documents = parseAllDocuments(readFileSync(join(folder, file), 'utf8'));
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    expect(documents).toHaveLength(1);
    return [file, documents[0]?.toJS() as Manifest] as const;
  }),
);
const one = (kind: string): unknown => [...manifests.values()].find((each) => each.kind === kind);

const deployment = one('Deployment') as Deployment;
const pod = deployment.spec.template.spec;
const [container] = pod.containers as [Container];
const variables = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
const environment = readEnvironment(createShell(variables));
const configMap = one('ConfigMap') as Manifest & { data: Record<string, string> };
const project = configMap.data['rollcall.yaml'] ?? '';
const secret = one('Secret') as Manifest & { stringData: Record<string, string> };
const secrets = secret.stringData;

/** The mount that contains a path. */
const mountOf = (path: string): Container['volumeMounts'][number] | undefined =>
  container.volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
const volumeOf = (path: string): Volume | undefined => pod.volumes.find(({ name }) => name === mountOf(path)?.name);

it.each([...manifests])('%s has a kind and an API version of Kubernetes', (_, { apiVersion, kind }) => {
  expect([
    'v1 ConfigMap',
    'v1 Namespace',
    'v1 PersistentVolumeClaim',
    'v1 Secret',
    'apps/v1 Deployment',
    'policy/v1 PodDisruptionBudget',
    'kustomize.config.k8s.io/v1beta1 Kustomization',
  ]).toContain(`${apiVersion} ${kind}`);
});

it('applies all manifests except the example of a secret', () => {
  const kustomization = one('Kustomization') as { resources: string[]; images: { name: string; newTag: string }[] };
  const files = [...manifests.keys()].filter((file) => !['kustomization.yaml', 'secret.example.yaml'].includes(file));
  expect([...kustomization.resources].sort()).toEqual(files.sort());
  const { version } = JSON.parse(readFileSync(join(folder, '..', '..', 'package.json'), 'utf8')) as { version: string };
  expect(kustomization.images).toMatchObject([{ name: container.image, newTag: version }]);
});

it('selects the pods of the deployment, and keeps one of them during a drain', () => {
  const { labels } = deployment.spec.template.metadata;
  const { spec: budget } = one('PodDisruptionBudget') as {
    spec: { minAvailable: number; selector: { matchLabels: object } };
  };
  expect(labels).toMatchObject(deployment.spec.selector.matchLabels);
  expect(labels).toMatchObject(budget.selector.matchLabels);
  expect(Object.keys(budget.selector.matchLabels).length).toBeGreaterThan(0);
  expect(budget.minAvailable).toBeLessThan(deployment.spec.replicas);
  expect(deployment.spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
});

it('starts the worker with options that exist and a project file that is mounted', () => {
  const program = declareProgram();
  const [verb, ...rest] = container.args;
  const known = program.commands.find((command) => command.name() === verb)?.options.map(({ long }) => long);
  for (const option of rest.filter((word) => word.startsWith('--'))) expect(known).toContain(option);
  const file = rest[rest.indexOf('--config') + 1] ?? '';
  expect(volumeOf(file)?.configMap?.name).toBe(configMap.metadata.name);
  expect(file.split('/').at(-1)).toBe('rollcall.yaml');
});

it('mounts a valid project file without secrets, and every file that it refers to', async () => {
  const file = join(scratch, 'rollcall.yaml');
  writeFileSync(file, project);
  const { connections } = await loadProject(file, streams);
  expect(connections.size).toBeGreaterThan(0);
  const references = [...project.matchAll(/file:(\S+)/g)].map(([, path = '']) => path);
  expect(references.length).toBeGreaterThan(1);
  for (const path of references) {
    expect(volumeOf(path)?.secret?.secretName).toBe(secret.metadata.name);
    expect(secrets).toHaveProperty(path.split('/').at(-1) ?? '');
  }
  expect(project).not.toMatch(/(client_secret|private_key|access_token|url): (?!file:|env:)/);
  for (const value of Object.values(secrets)) expect(value).toMatch(/<.+>/);
});

it('probes the port of the worker, with timeouts longer than a response takes', () => {
  const [port] = container.ports;
  expect(environment.listen).toEqual(parseListenAddress(`0.0.0.0:${port?.containerPort}`));
  const { startupProbe, livenessProbe, readinessProbe } = container;
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) expect(probe.httpGet.port).toBe(port?.name);
  expect([startupProbe, livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual(['/healthz', '/healthz']);
  expect(readinessProbe.httpGet.path).toBe('/readyz');
  expect(readinessProbe.timeoutSeconds).toBeGreaterThan(2);
  const { annotations } = deployment.spec.template.metadata;
  expect(annotations['prometheus.io/port']).toBe(String(port?.containerPort));
  expect(annotations['prometheus.io/path']).toBe('/metrics');
});

it('gives a worker more time than it needs to stop, and more memory than fifty tenants need', () => {
  expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(shutdownGraceMs + 15_000);
  const [, mebibytes] = /^(\d+)Mi$/.exec(container.resources.requests['memory'] ?? '') ?? [];
  expect(Number(mebibytes) * 2 ** 20).toBeGreaterThanOrEqual(maxWorkerMemory);
  expect(container.resources.limits['memory']).toBe('1Gi');
  expect(container.resources.requests).toHaveProperty('cpu');
});

it('runs without root, and can write only to mounted volumes', () => {
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(pod.automountServiceAccountToken).toBe(false);
  expect(mountOf(environment.stagingDir ?? '')?.readOnly).toBeUndefined();
  const writable = container.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name);
  for (const volume of pod.volumes) {
    expect(writable.includes(volume.name)).toBe(!volume.configMap && !volume.secret);
  }
});

it('shares staging between several workers', () => {
  const claim = one('PersistentVolumeClaim') as Manifest & { spec: { accessModes: string[] } };
  expect(volumeOf(environment.stagingDir ?? '')?.persistentVolumeClaim?.claimName).toBe(claim.metadata.name);
  expect(deployment.spec.replicas).toBeGreaterThan(1);
  expect(claim.spec.accessModes).toEqual(['ReadWriteMany']);
});
