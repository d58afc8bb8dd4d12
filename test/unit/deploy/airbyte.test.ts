import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createConnectorSpecification } from '../../../src/config/published-schemas';
import { streams } from '../../../src/streams/registry';
import { CLI_VERSION } from '../../../src/temporal/embedded-server/binary';

const root = join(__dirname, '..', '..', '..');
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const { version, license } = JSON.parse(read('package.json')) as { version: string; license: string };

describe('the image of the source', () => {
  const [, stage = ''] = read('Dockerfile').split(/^FROM runtime AS source$/m);
  const [source = ''] = stage.split(/^FROM /m);
  const valueOf = (instruction: RegExp): string => instruction.exec(source)?.[1] ?? '';

  it('gives the platform the same entry point as the image', () => {
    const entryPoint = JSON.parse(valueOf(/^ENTRYPOINT (.+)$/m)) as string[];
    expect(valueOf(/^ENV AIRBYTE_ENTRYPOINT="(.+)"$/m)).toBe(entryPoint.join(' '));
    expect(entryPoint).toEqual(['node', '/app/bin/source-auth0']);
  });

  it('contains the Temporal CLI of the version that Rollcall uses, and sets its path', () => {
    expect(read('Dockerfile')).toContain(`github.com/temporalio/cli/cmd/temporal@v${CLI_VERSION}\n`);
    expect(source).toContain('COPY --from=temporal /go/bin/temporal /usr/local/bin/');
    expect(valueOf(/^ENV TEMPORAL_CLI_PATH=(.+)$/m)).toBe('/usr/local/bin/temporal');
  });

  it('has labels with its name and version', () => {
    expect(source).toContain(`io.airbyte.name=rollcall/source-auth0 io.airbyte.version=${version}`);
  });

  it('runs without root, in a folder that it can write to', () => {
    const [, runtime = ''] = read('Dockerfile').split(/^FROM .+ AS runtime$/m);
    expect(runtime).toMatch(/^RUN mkdir (\S+) && chown node:node \1\nUSER node\nWORKDIR \1$/m);
    expect(source).not.toMatch(/^(USER|WORKDIR)/m);
  });
});

describe('metadata.yaml', () => {
  const { data } = parse(read('deploy', 'airbyte', 'metadata.yaml')) as { data: Record<string, unknown> };

  it('names the current version, the licence and an icon that exists', () => {
    expect(data).toMatchObject({ dockerImageTag: version, license, dockerRepository: 'rollcall/source-auth0' });
    expect(existsSync(join(root, 'deploy', 'airbyte', String(data['icon'])))).toBe(true);
  });

  it('suggests streams that exist, and allows the hosts of the configuration', () => {
    const { streams: suggested } = data['suggestedStreams'] as { streams: string[] };
    expect(streams.map(({ name }) => name)).toEqual(expect.arrayContaining(suggested));
    const { hosts } = data['allowedHosts'] as { hosts: string[] };
    const { properties } = createConnectorSpecification().connectionSpecification as { properties: object };
    const named = hosts.flatMap((host) => /^\$\{(.+)\}$/.exec(host)?.[1] ?? []);
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(named));
    expect(hosts).toContain('*.auth0.com');
  });
});

it('the changelog of the source contains the current version', () => {
  expect(read('docs', 'source-auth0.md')).toContain(`\n| ${version} `);
});
