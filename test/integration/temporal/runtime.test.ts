import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compilePrograms } from '../../support/compiled';
import { bundleTestWorkflows, readLeader, temporalBinary } from '../../support/embedded-servers';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();

it('keeps stdout clean and warns on stderr when the server dies under load', async () => {
  const bundle = await bundleTestWorkflows(scratch);
  const server = { binary: temporalBinary, logFile: join(scratch, 'log'), databaseFile: join(scratch, 'db') };
  const [args, env] = compilePrograms(scratch)('loaded', JSON.stringify(server), bundle);
  const program = spawn(process.execPath, args, { env });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    program[name].on('data', (chunk) => (output[name] += String(chunk)));
  try {
    await until(() => output.stderr.includes('at work'));
    process.kill(-readLeader(server.databaseFile), 'SIGKILL');
    await until(() => output.stderr.includes('[WARN] gRPC call'));
  } finally {
    program.kill('SIGKILL');
  }
  await once(program, 'close');
  expect(output.stdout).toBe('');
}, 30_000);
