import { transformFileSync } from '@swc/core';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/**
 * Compiles src and the programs beside this file to JavaScript below `folder`, for tests that need processes of
 * their own. Answers how to run a program: its arguments for node, and the environment that resolves packages.
 */
export function compilePrograms(folder: string): (program: string, ...args: string[]) => [string[], NodeJS.ProcessEnv] {
  for (const source of ['src', 'test/support/temporal/programs']) {
    const files = readdirSync(join(ROOT, source), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const { code } = transformFileSync(join(ROOT, source, file), {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
      });
      const target = join(folder, source, file.replace(/ts$/, 'js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, code);
    }
  }
  return (program, ...args) => [
    [join(folder, 'test/support/temporal/programs', `${program}.js`), ...args],
    { PATH: process.env['PATH'], NODE_PATH: join(ROOT, 'node_modules') },
  ];
}
