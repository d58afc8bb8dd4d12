import { createSourceFiles, expectAnswer, type FileKind, type SourceFiles } from '../support/damaged-files';
import { run } from '../support/program';
import { scratchFolder } from '../support/scratch';
import { createNamespace } from '../support/servers';

const folder = scratchFolder();
let files: SourceFiles;
let env: Record<string, string>;

beforeAll(async () => {
  ({ env } = await createNamespace());
  files = await createSourceFiles(folder);
});
afterAll(() => files.tenant.close());

it.each<[FileKind, { accepted: number; rejected: number }]>([
  ['config', { accepted: 0, rejected: 1 }],
  ['catalog', { accepted: 0, rejected: 1 }],
  ['state', { accepted: 1, rejected: 1 }],
])('a read with a damaged %s writes records, or reports what is wrong and exits with 2', async (kind, counts) => {
  for (const { path, isAccepted } of await files.sample(kind, counts)) {
    const paths: Record<FileKind, string> = { ...files.paths };
    paths[kind] = path;
    const { config, catalog, state } = paths;
    const args = ['read', '--config', config, '--catalog', catalog, '--state', state];
    const ended = await run('source-auth0', args, { env });
    expect(ended.signal).toBeNull();
    expectAnswer(ended, isAccepted, '"type":"RECORD"');
  }
});
