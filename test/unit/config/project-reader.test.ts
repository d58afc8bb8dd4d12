import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseConnection } from '../../../src/config/project';
import { resolveSecrets } from '../../../src/config/references';
import { createProjectReader, createConnectionResolver } from '../../../src/config/project-reader';
import { failureOf } from '../../support/config-failure';
import { createShell } from '../../support/cli';

const folder = mkdtempSync(path.join(tmpdir(), 'project-reader-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'rollcall.yaml');
const secret = path.join(folder, 'secret');
const project = (name: string): string =>
  `connections: { ${name}: { domain: a.example.com, credentials: {}, destination: { files: d } } }\n`;

test('uses the last valid project while the file is invalid, and reports that once', async () => {
  const reported: string[] = [];
  const read = createProjectReader(file, [], (message) => reported.push(message));
  await failureOf(read);
  writeFileSync(file, project('one'));
  expect([...(await read()).connections.keys()]).toEqual(['one']);
  for (const text of ['', 'connections: [', 'connections: [']) {
    writeFileSync(file, text);
    expect([...(await read()).connections.keys()]).toEqual(['one']);
  }
  expect(reported).toEqual([
    expect.stringMatching(/must be an object.*Using the last valid version until then\.$/),
    expect.stringContaining('is not valid YAML'),
  ]);
  writeFileSync(file, project('two'));
  expect([...(await read()).connections.keys()]).toEqual(['two']);
});

test('uses the last value of a reference while its file is empty, but not for another reference', async () => {
  const reported: string[] = [];
  const resolve = createConnectionResolver(
    (connection) => resolveSecrets(connection, createShell()),
    (message) => reported.push(message),
  );
  const connection = (client_secret: string) =>
    parseConnection(
      'acme',
      { domain: 'a.example.com', credentials: { client_id: 'id', client_secret }, destination: { files: 'd' } },
      [],
      folder,
    );
  await failureOf(() => resolve(connection('file:secret')));
  writeFileSync(secret, 'made-up-1');
  expect(await resolve(connection('file:secret'))).toMatchObject({ credentials: { clientSecret: 'made-up-1' } });
  writeFileSync(secret, '');
  expect(await resolve(connection('file:secret'))).toMatchObject({ credentials: { clientSecret: 'made-up-1' } });
  expect(reported).toEqual([expect.stringContaining(`${secret}, referenced by --client-secret`)]);
  expect(reported.join()).not.toContain('made-up');
  await failureOf(() => resolve(connection('file:other')));
  writeFileSync(secret, 'made-up-2');
  expect(await resolve(connection('file:secret'))).toMatchObject({ credentials: { clientSecret: 'made-up-2' } });
});
