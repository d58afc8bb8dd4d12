import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { BrokenPipe, createOutput, type Output } from '../../../src/airbyte/protocol-output';
import { parseMessage } from './protocol/validator';

const options = { level: 'INFO' as const, secrets: new Set<string>() };
const line = `${'x'.repeat(99)}\n`;
const children: ChildProcessWithoutNullStreams[] = [];

afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

function runProgram(program: string, ...flags: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [...flags, '-e', program]);
  children.push(child);
  return child;
}

async function readText(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Writes until a write is blocked for `timeoutMs`. Returns the bytes written. */
async function writeUntilBlocked(output: Output, timeoutMs: number): Promise<number> {
  for (let bytes = line.length; ; bytes += line.length) {
    const written = output.write(line);
    if (written && (await Promise.race([written.then(() => false), sleep(timeoutMs, true, { ref: false })])))
      return bytes;
  }
}

test('writes lines in batches and in order, and the rest with a flush', async () => {
  const chunks: string[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk.toString());
      setImmediate(done);
    },
  });
  const output = createOutput(sink, { ...options, batchBytes: 1000 });
  const lines = Array.from({ length: 25 }, (_, index) => `${String(index).padStart(99, '.')}\n`);
  for (const each of lines) await output.write(each);
  expect(chunks.map((chunk) => chunk.length)).toEqual([1000, 1000]);
  await output.flush();
  expect(chunks.join('')).toBe(lines.join(''));
});

test('flushes the lines that arrive while a batch is written', async () => {
  let received = '';
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      received += chunk.toString();
      setImmediate(done);
    },
  });
  const output = createOutput(sink, { ...options, batchBytes: 100 });
  const first = output.write(line);
  output.log('INFO', 'meanwhile');
  await output.flush();
  expect(received).toContain('meanwhile');
  await first;
});

test('blocks the writer in bounded memory while the reader stalls, and loses no line', async () => {
  const child = runProgram(`const alive = setInterval(() => {}, 1000); process.stdout.write('ready');
    process.on('SIGUSR2', () => { let n = 0; process.stdin.on('data', (d) => (n += d.length)).on('end', () => { process.stdout.write(' ' + n); clearInterval(alive); }) });`);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const output = createOutput(child.stdin, options);
  const written = await writeUntilBlocked(output, 200);
  expect(written).toBeLessThan(4 * 1024 * 1024);
  child.kill('SIGUSR2');
  await output.flush();
  child.stdin.end();
  expect(await readText(child.stdout)).toBe(` ${written}`);
});

test('rejects every write and flush with BrokenPipe after the reader has closed the pipe', async () => {
  const child = runProgram(`require('node:fs').closeSync(0); setTimeout(() => {}, 10_000)`);
  const output = createOutput(child.stdin, options);
  await expect(writeUntilBlocked(output, 10_000)).rejects.toBeInstanceOf(BrokenPipe);
  await expect(output.flush()).rejects.toBeInstanceOf(BrokenPipe);
  await expect(output.write(line)).rejects.toBeInstanceOf(BrokenPipe);
  output.log('INFO', 'lost');
});

test('rejects the next flush when a log line could not be written', async () => {
  const child = runProgram('');
  const output = createOutput(child.stdin, options);
  await new Promise((resolve) => child.once('close', resolve));
  output.log('INFO', 'lost');
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
  await expect(output.flush()).rejects.toBeInstanceOf(BrokenPipe);
});

test('reports a full disk as such, and not as a closed pipe', async () => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const output = createOutput(new Writable({ write: (_, __, done) => done(full) }), options);
  void output.write(line);
  await expect(output.flush()).rejects.toBe(full);
});

test('writes a log line of at least the level without a flush, masked and in order', async () => {
  const sink = new PassThrough();
  const secrets = new Set<string>();
  const output = createOutput(sink, { level: 'WARN', secrets });
  void output.write(line);
  output.log('INFO', 'below the level');
  secrets.add('hush');
  output.log('ERROR', 'it said hush', 'at hush.js');
  await once(sink, 'readable');
  const [first, second, ...rest] = String(sink.read()).split(/(?<=\n)/);
  expect(first).toBe(line);
  expect(parseMessage(second ?? '').log).toEqual({
    level: 'ERROR',
    message: 'it said ****',
    stack_trace: 'at ****.js',
  });
  expect(rest).toEqual([]);
});

describe('an output on the standard output of a process', () => {
  const root = path.join(__dirname, '..', '..', '..');
  const typescript = ['--require', path.join(root, 'scripts', 'typescript.cjs')];
  const prelude = `const { createOutput } = require(${JSON.stringify(path.join(root, 'src/airbyte/protocol-output.ts'))});
    const output = createOutput(process.stdout, { level: 'DEBUG', secrets: new Set(['hush']) });`;

  test('writes what libraries print as LOG lines and leaves standard error empty, until it is released', async () => {
    const child = runProgram(
      `${prelude}
      const release = output.captureConsole();
      console.log('a %s', 'log'); console.info('an info'); console.dir({ deep: 1 }); console.debug('a debug');
      console.warn('a warning\\nof two lines'); console.error(new Error('hush')); console.table([1]); console.assert(false, 'no');
      process.emitWarning('old', 'DeprecationWarning');
      setTimeout(() => { release(); console.error('released'); process.emitWarning('late'); }, 20);`,
      ...typescript,
    );
    const [stdout, stderr] = await Promise.all([readText(child.stdout), readText(child.stderr)]);
    const logs = stdout.split(/(?<=\n)/).map((each) => parseMessage(each).log as { level: string; message: string });
    expect(logs.map(({ level, message }) => `${level} ${message.split('\n')[0]}`)).toEqual([
      'INFO a log',
      'INFO an info',
      'INFO { deep: 1 }',
      'DEBUG a debug',
      'WARN a warning',
      'ERROR Error: ****',
      expect.stringMatching(/^INFO .─/) as string,
      'WARN Assertion failed: no',
      'WARN DeprecationWarning: old',
    ]);
    expect(stdout).not.toContain('hush');
    expect(stderr).toMatch(/^released\n.*Warning: late/);
  });

  test('does not block the process while the reader stalls', async () => {
    const program = `${prelude}
      let ticks = 0; setInterval(() => process.stderr.write('tick ' + ++ticks + '\\n'), 20);
      (async () => { for (;;) await output.write('x'.repeat(999) + '\\n'); })().catch(() => process.exit(1));`;
    const child = spawn('sh', [
      '-c',
      '"$0" "$1" "$2" -e "$3" | sleep 3 >/dev/null 2>&1',
      process.execPath,
      ...typescript,
      program,
    ]);
    children.push(child);
    let ticks = '';
    for await (const chunk of child.stderr) {
      ticks += String(chunk);
      if (ticks.includes('tick 5\n')) break;
    }
    expect(ticks).toContain('tick 5\n');
  });
});
