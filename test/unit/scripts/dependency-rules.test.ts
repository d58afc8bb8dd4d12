import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..');

interface Report {
  summary: { violations: { from: string; rule: { name: string } }[] };
}

/** Cruises a source tree made of `files`; answers every violation as `file: rule`. */
function cruise(files: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  try {
    for (const part of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
      cpSync(join(ROOT, part), join(folder, part));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const tool = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const args = [tool, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    const { violations } = (JSON.parse(stdout) as Report).summary;
    return violations.map(({ from, rule }) => `${from}: ${rule.name}`).sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const leaves = {
  'src/json.ts': "import 'node:path';\nexport const json = 1;\n",
  'src/auth0/client.ts': "import axios from 'axios';\nexport const client = axios;\n",
  'src/auth0/request.ts': 'export interface Request { path: string }\n',
  'src/airbyte/messages.ts': "import 'node:path';\nexport const line = '';\n",
  'src/airbyte/state.ts': "import type { Json } from '../json';\nexport const state = (json: Json): Json => json;\n",
  'src/temporal/connection.ts': "import { Client } from '@temporalio/client';\nexport const connection = Client;\n",
  'src/activities/fetch.ts': "import { client } from '../auth0/client';\nexport const fetch = client;\n",
  'src/commands/sync.ts': "import { line } from '../airbyte/messages';\nexport const sync = line;\n",
  'src/emulator/server.ts': "import fastify from 'fastify';\nexport const server = fastify;\n",
};

it('accepts what the rooms are for', () => {
  const allowed = {
    'src/json.ts': 'export type Json = string;\n',
    'src/workflows/sync.ts':
      "import { sleep } from '@temporalio/workflow';\nimport type { fetch } from '../activities/fetch';\n" +
      "import { state } from '../airbyte/state';\nexport const run = (f: typeof fetch): unknown => [f, sleep, state];\n",
    'src/cli.ts': "import { sync } from './commands/sync';\nexport const main = sync;\n",
    'src/streams/users.ts':
      "import type { Request } from '../auth0/request';\nexport const users = (r: Request): string => r.path;\n",
    'src/sinks/stdout.ts': "import { line } from '../airbyte/messages';\nexport const out = line;\n",
  };
  expect(cruise({ ...leaves, ...allowed })).toEqual([]);
});

it('catches every import that crosses a wall', () => {
  const forbidden: Record<string, [string, string]> = {
    'src/auth0/pacer.ts': ["import { sleep } from '@temporalio/activity';", 'temporal-stays-outside'],
    'src/config/load.ts': ["import { connection } from '../temporal/connection';", 'temporal-stays-outside'],
    'src/auth0/token.ts': ["import { line } from '../airbyte/messages';", 'auth0-knows-no-airbyte'],
    'src/airbyte/spec.ts': ["import { client } from '../auth0/client';", 'airbyte-knows-no-auth0'],
    'src/workflows/schema.ts': ["import { z } from 'zod';", 'workflow-code-stays-pure'],
    'src/workflows/file.ts': ["import { readFileSync } from 'node:fs';", 'workflow-code-stays-pure'],
    'src/workflows/direct.ts': ["import { fetch } from '../activities/fetch';", 'workflow-code-stays-pure'],
    'src/airbyte/cursor.ts': ["import { randomUUID } from 'node:crypto';", 'workflow-code-stays-pure'],
    'src/commands/run.ts': ["import { file } from '../workflows/file';", 'workflows-are-run-by-bundle'],
    'src/emulator/tokens.ts': ["import { client } from '../auth0/client';", 'emulator-and-client-share-nothing'],
    'src/sinks/fake.ts': ["import { server } from '../emulator/server';", 'emulator-is-not-in-the-product'],
    'src/commands/ping.ts': ["import axios from 'axios';", 'only-auth0-speaks-http'],
    'src/activities/print.ts': ["import { line } from '../airbyte/messages';", 'only-sinks-and-airbyte-write-messages'],
    'src/activities/verb.ts': ["import { sync } from '../commands/sync';", 'commands-are-on-top'],
    'src/temporal/worker.ts': ["import { fetch } from '../activities/fetch';", 'lower-rooms-know-no-activities'],
    'src/staging/test.ts': ["import { it } from 'jest';", 'no-undeclared-packages'],
    'src/streams/lost.ts': ["import { lost } from './nowhere';", 'no-unresolvable'],
    'src/sinks/alone.ts': ['', 'no-orphans'],
  };
  const sources = Object.entries(forbidden).map(([file, [statement]]) => [
    file,
    `${statement}\nexport const file = 1;\n`,
  ]);
  const circle = { 'src/streams/a.ts': "import './b';\n", 'src/streams/b.ts': "import './a';\n" };
  const found = cruise({ ...leaves, ...circle, ...(Object.fromEntries(sources) as Record<string, string>) });
  for (const [file, [, rule]] of Object.entries(forbidden)) expect(found).toContain(`${file}: ${rule}`);
  expect(found).toContainEqual(expect.stringMatching(/^src\/streams\/[ab]\.ts: no-circular$/));
});
