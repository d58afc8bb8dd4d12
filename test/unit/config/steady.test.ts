import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseConnection } from '../../../src/config/project';
import { resolveSecrets } from '../../../src/config/references';
import { createProjectReader, createConnectionResolver } from '../../../src/config/project-reader';
import { failureOf } from '../../support/config-failure';
import { createShell } from '../../support/cli';

const folder = mkdtempSync(path.join(tmpdir(), 'steady-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'rollcall.yaml');
const secret = path.join(folder, 'secret');
const project = (name: string): string =>
  `connections: { ${name}: { domain: a.example.com, credentials: {}, destination: { files: d } } }\n`;

test('a project is what it was while its file cannot be used, and that is told once', async () => {
  const told: string[] = [];
  const read = createProjectReader(file, [], (message) => told.push(message));
  await failureOf(read);
  writeFileSync(file, project('one'));
  expect([...(await read()).connections.keys()]).toEqual(['one']);
  for (const text of ['', 'connections: [', 'connections: [']) {
    writeFileSync(file, text);
    expect([...(await read()).connections.keys()]).toEqual(['one']);
  }
  expect(told).toEqual([
    expect.stringMatching(/must be an object.*Until then what was there before is used\.$/),
    expect.stringContaining('is not YAML'),
  ]);
  writeFileSync(file, project('two'));
  expect([...(await read()).connections.keys()]).toEqual(['two']);
});

test('what a reference stood for holds while its file is empty, but not for another reference', async () => {
  const told: string[] = [];
  const resolve = createConnectionResolver(
    (connection) => resolveSecrets(connection, createShell()),
    (message) => told.push(message),
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
  expect(told).toEqual([expect.stringContaining(`${secret}, which connections.acme.credentials.client_secret refers`)]);
  expect(told.join()).not.toContain('made-up');
  await failureOf(() => resolve(connection('file:other')));
  writeFileSync(secret, 'made-up-2');
  expect(await resolve(connection('file:secret'))).toMatchObject({ credentials: { clientSecret: 'made-up-2' } });
});
