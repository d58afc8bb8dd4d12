import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { scratchFolder } from '../../support/scratch';

const root = join(__dirname, '..', '..', '..');
const { forbidden } = createRequire(__filename)(join(root, '.dependency-cruiser.cjs')) as {
  forbidden: { name: string; comment?: string }[];
};

/** Modules of every room, with an import that is allowed. */
const allowed: Record<string, string> = {
  'src/json.ts': 'export type Json = string;\nexport const json = 1;\n',
  'src/errors.ts': "import type { Json } from './json';\nexport const fail = (json: Json): Json => json;\n",
  'src/cli.ts': "export { main } from './cli/main';\n",
  'src/cli/main.ts': "import { sync } from '../commands/sync';\nexport const main = sync;\n",
  'src/commands/sync.ts':
    "import { server } from '../../packages/auth0-emulator/src/server';\nimport { app } from '../app/app';\nexport const sync = [app, server];\n",
  'src/app/app.ts': "import { connection } from '../temporal/connection';\nexport const app = connection;\n",
  'src/preflight/check.ts': "import { client } from '../auth0/client';\nexport const check = client;\n",
  'src/temporal/connection.ts':
    "import { Client } from '@temporalio/client';\nimport { syncName } from '../workflows/names';\nexport const connection = [Client, syncName];\n",
  'src/workflows/names.ts': "import type { Json } from '../json';\nexport const syncName: Json = 'sync';\n",
  'src/workflows/sync.ts':
    "import { sleep } from '@temporalio/workflow';\nimport type { fetch } from '../activities/fetch';\n" +
    "import { state } from '../airbyte/stream-state';\nexport const run = (f: typeof fetch): unknown => [f, sleep, state];\n",
  'src/activities/fetch.ts': "import { client } from '../auth0/client';\nexport const fetch = client;\n",
  'src/metrics/listener.ts': "import { createServer } from 'node:http';\nexport const listener = createServer;\n",
  'src/config/environment.ts': "import { line } from '../airbyte/messages';\nexport const level = line;\n",
  'src/sinks/stdout.ts': "import { line } from '../airbyte/messages';\nexport const stdout = line;\n",
  'src/streams/users.ts':
    "import type { Request } from '../auth0/request';\nexport const users = (r: Request): string => r.path;\n",
  'src/staging/segment.ts': "import type { Json } from '../json';\nexport const segment: Json = '';\n",
  'src/auth0/client.ts': "import axios from 'axios';\nexport const client = axios;\n",
  'src/auth0/request.ts': "import type { Json } from '../json';\nexport interface Request { path: Json }\n",
  'src/airbyte/messages.ts': "import 'node:path';\nexport const line = '';\n",
  'src/airbyte/stream-state.ts':
    "import type { Json } from '../json';\nexport const state = (json: Json): Json => json;\n",
  'packages/auth0-emulator/src/server.ts': "import fastify from 'fastify';\nexport const server = fastify;\n",
};

/** A module for every way to break a rule: its import, and the rule. */
const broken: [rule: string, file: string, statement: string][] = [
  ['imports-of-ground', 'src/async.ts', "import { line } from './airbyte/messages';"],
  ['imports-of-airbyte', 'src/airbyte/spec.ts', "import { client } from '../auth0/client';"],
  ['imports-of-auth0', 'src/auth0/token.ts', "import { state } from '../airbyte/stream-state';"],
  ['imports-of-auth0', 'src/auth0/users.ts', "import type { users } from '../streams/users';"],
  ['imports-of-staging', 'src/staging/staging.ts', "import { users } from '../streams/users';"],
  ['imports-of-streams', 'src/streams/roles.ts', "import { stdout } from '../sinks/stdout';"],
  ['imports-of-sinks', 'src/sinks/table.ts', "import { users } from '../streams/users';"],
  ['imports-of-sinks', 'src/sinks/user.ts', "import type { Request } from '../auth0/request';"],
  ['imports-of-config', 'src/config/load.ts', "import { connection } from '../temporal/connection';"],
  ['imports-of-metrics', 'src/metrics/meter.ts', "import { connection } from '../temporal/connection';"],
  ['imports-of-activities', 'src/activities/pause.ts', "import { connection } from '../temporal/connection';"],
  ['imports-of-activities', 'src/activities/verb.ts', "import { sync } from '../commands/sync';"],
  ['imports-of-workflows', 'src/workflows/app.ts', "import type { app } from '../app/app';"],
  ['imports-of-temporal', 'src/temporal/worker.ts', "import { fetch } from '../activities/fetch';"],
  ['imports-of-preflight', 'src/preflight/session.ts', "import { app } from '../app/app';"],
  ['imports-of-app', 'src/app/session.ts', "import { sync } from '../commands/sync';"],
  ['imports-of-commands', 'src/commands/help.ts', "import { main } from '../cli/main';"],
  ['imports-of-cli', 'src/cli/options.ts', "import { connection } from '../temporal/connection';"],
  ['no-circular', 'src/streams/first.ts', "import './second';"],
  ['no-orphans', 'src/sinks/alone.ts', ''],
  ['temporal-stays-outside', 'src/auth0/pacer.ts', "import { sleep } from '@temporalio/activity';"],
  ['only-auth0-sends-requests', 'src/commands/ping.ts', "import axios from 'axios';"],
  ['only-auth0-sends-requests', 'src/metrics/push.ts', "import { request } from 'node:https';"],
  [
    'only-commands-use-the-emulator',
    'src/sinks/fake.ts',
    "import { server } from '../../packages/auth0-emulator/src/server';",
  ],
  [
    'emulator-shares-no-code',
    'packages/auth0-emulator/src/tokens.ts',
    "import { client } from '../../../src/auth0/client';",
  ],
  ['only-outputs-write-messages', 'src/config/print.ts', "import { line } from '../airbyte/messages';"],
  ['workflow-code-stays-pure', 'src/workflows/file.ts', "import { readFileSync } from 'node:fs';"],
  ['workflow-code-stays-pure', 'src/workflows/schema.ts', "import { z } from 'zod';"],
  ['workflow-code-stays-pure', 'src/workflows/direct.ts', "import { fetch } from '../activities/fetch';"],
  ['workflow-code-stays-pure', 'src/staging/segment.ts', "import { randomUUID } from 'node:crypto';"],
  ['workflows-run-from-the-bundle', 'src/app/run.ts', "import { run } from '../workflows/sync';"],
  ['no-undeclared-packages', 'src/staging/test.ts', "import { it } from 'jest';"],
  ['no-unresolvable', 'src/streams/lost.ts', "import { lost } from './nowhere';"],
];

/** The violations in a tree of sources, as `file: rule`. */
function findViolations(files: Record<string, string>): string[] {
  for (const part of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, part), join(folder, part));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const tool = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [tool, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src', 'packages'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const { violations } = (JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } })
    .summary;
  return violations.map(({ from, rule }) => `${from}: ${rule.name}`);
}

const folder = scratchFolder();
let found: string[];

beforeAll(() => {
  const files: Record<string, string> = { ...allowed, 'src/streams/second.ts': "import './first';\n" };
  for (const [, file, statement] of broken) {
    files[file] = `${statement}\n${allowed[file] ?? 'export const file = 1;\n'}`;
  }
  found = findViolations(files);
});

it.each(broken)('%s: rejects %s with `%s`', (rule, file) => {
  expect(found).toContain(`${file}: ${rule}`);
});

it('accepts the imports that each room needs', () => {
  const changed = new Set(broken.map(([, file]) => file));
  const wrong = Object.keys(allowed).filter(
    (file) => !changed.has(file) && found.some((violation) => violation.startsWith(`${file}: `)),
  );
  expect(wrong).toEqual([]);
});

it('has an example for every rule', () => {
  expect(new Set(broken.map(([rule]) => rule))).toEqual(new Set(forbidden.map(({ name }) => name)));
});

it('orders the rooms from the bottom to the top, so that no circle between rooms is possible', () => {
  const rooms: string[] = [];
  for (const { name, comment = '' } of forbidden.filter((rule) => rule.name.startsWith('imports-of-'))) {
    const imports = comment.replace(/^.* imports only (.*)\.$/, '$1').split(', ');
    expect(rooms).toEqual(expect.arrayContaining(imports.filter((each) => each !== 'ground')));
    rooms.push(name.replace('imports-of-', ''));
  }
  expect(rooms).toContain('cli');
});
