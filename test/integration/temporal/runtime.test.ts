import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compilePrograms } from '../../support/compiled';
import { BINARY, bundleTestWorkflows, comesTrue, makeScratch, readLeader } from '../../support/server-scratch';

const scratch = makeScratch();

it('keeps stdout clean and warns on stderr when the server dies under load', async () => {
  const bundle = await bundleTestWorkflows(scratch);
  const server = { binary: BINARY, logFile: join(scratch, 'log'), databaseFile: join(scratch, 'db') };
  const [args, env] = compilePrograms(scratch)('loaded', JSON.stringify(server), bundle);
  const program = spawn(process.execPath, args, { env });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    program[name].on('data', (chunk) => (output[name] += String(chunk)));
  try {
    expect(await comesTrue(() => output.stderr.includes('at work'), 10_000)).toBe(true);
    process.kill(-readLeader(server.databaseFile), 'SIGKILL');
    expect(await comesTrue(() => output.stderr.includes('[WARN] gRPC call'), 10_000)).toBe(true);
  } finally {
    program.kill('SIGKILL');
  }
  await once(program, 'close');
  expect(output.stdout).toBe('');
}, 30_000);
