import { transformFileSync } from '@swc/core';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokenPipe, createOutput, type Output } from '../../../src/airbyte/protocol-output';
import { messageOn } from './protocol/validator';

const options = { level: 'INFO' as const, secrets: new Set<string>() };
const line = `${'x'.repeat(99)}\n`;
const children: ChildProcessWithoutNullStreams[] = [];

afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

function run(program: string, ...args: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, ['-e', program, ...args]);
  children.push(child);
  return child;
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Writes until back-pressure holds for `patience` ms; returns the bytes taken. */
async function writeUntilHeld(output: Output, patience: number): Promise<number> {
  for (let bytes = line.length; ; bytes += line.length) {
    const held = output.write(line);
    if (held && (await Promise.race([held.then(() => false), sleep(patience, true, { ref: false })]))) return bytes;
  }
}

test('lines are handed over in batches, in order, and all of them after a flush', async () => {
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

test('a flush covers the lines that came while a batch was under way', async () => {
  let received = '';
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      received += chunk.toString();
      setTimeout(done, 10);
    },
  });
  const output = createOutput(sink, { ...options, batchBytes: 100 });
  const first = output.write(line);
  output.log('INFO', 'meanwhile');
  await output.flush();
  expect(received).toContain('meanwhile');
  await first;
});

test('a reader that stalls holds the writer back in bounded memory, and gets every line when it reads on', async () => {
  const child = run(`const alive = setInterval(() => {}, 1000); process.stdout.write('ready');
    process.on('SIGUSR2', () => { let n = 0; process.stdin.on('data', (d) => (n += d.length)).on('end', () => { process.stdout.write(' ' + n); clearInterval(alive); }) });`);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const output = createOutput(child.stdin, options);
  const taken = await writeUntilHeld(output, 200);
  expect(taken).toBeLessThan(4 * 1024 * 1024);
  child.kill('SIGUSR2');
  await output.flush();
  child.stdin.end();
  expect(await textOf(child.stdout)).toBe(` ${taken}`);
});

test('when the reader has gone, write and flush reject with BrokenPipe, then and ever after', async () => {
  const child = run(`require('node:fs').closeSync(0); setTimeout(() => {}, 10_000)`);
  const output = createOutput(child.stdin, options);
  await expect(writeUntilHeld(output, 10_000)).rejects.toBeInstanceOf(BrokenPipe);
  await expect(output.flush()).rejects.toBeInstanceOf(BrokenPipe);
  await expect(output.write(line)).rejects.toBeInstanceOf(BrokenPipe);
  output.log('INFO', 'to nobody');
});

test('a failure while a log line is on its way is told at the next flush', async () => {
  const child = run('');
  const output = createOutput(child.stdin, options);
  await new Promise((resolve) => child.once('close', resolve));
  output.log('INFO', 'to nobody');
  await sleep(20);
  await expect(output.flush()).rejects.toBeInstanceOf(BrokenPipe);
});

test('a full disk is not taken for a reader that has gone', async () => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const output = createOutput(new Writable({ write: (_, __, done) => done(full) }), options);
  void output.write(line);
  await expect(output.flush()).rejects.toBe(full);
});

test('a log line leaves by itself, after the lines before it, masked, and only from the level on', async () => {
  const sink = new PassThrough();
  const secrets = new Set<string>();
  const output = createOutput(sink, { level: 'WARN', secrets });
  void output.write(line);
  output.log('INFO', 'not wanted');
  secrets.add('hush');
  output.log('ERROR', 'it said hush', 'at hush.js');
  await sleep(20);
  const [first, second, ...rest] = String(sink.read()).split(/(?<=\n)/);
  expect(first).toBe(line);
  expect(messageOn(second ?? '').log).toEqual({ level: 'ERROR', message: 'it said ****', stack_trace: 'at ****.js' });
  expect(rest).toEqual([]);
});

describe('as the standard output of a process', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'output-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const target = { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } } as const;
  for (const name of ['messages', 'output', 'secrets']) {
    const source = path.join(__dirname, `../../../src/airbyte/${name}.ts`);
    writeFileSync(path.join(folder, `${name}.js`), transformFileSync(source, target).code);
  }
  const prelude = `const { createOutput } = require(process.argv[1] + '/output.js');
    const output = createOutput(process.stdout, { level: 'DEBUG', secrets: new Set(['hush']) });`;

  test('whatever libraries print comes out as LOG lines, and nothing on standard error, until it is undone', async () => {
    const child = run(
      `${prelude}
      const release = output.captureConsole();
      console.log('a %s', 'log'); console.info('an info'); console.dir({ deep: 1 }); console.debug('a debug');
      console.warn('a warning\\nof two lines'); console.error(new Error('hush')); console.table([1]); console.assert(false, 'no');
      process.emitWarning('old', 'DeprecationWarning');
      setTimeout(() => { release(); console.error('as ever'); process.emitWarning('late'); }, 20);`,
      folder,
    );
    const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    const logs = stdout.split(/(?<=\n)/).map((each) => messageOn(each).log as { level: string; message: string });
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
    expect(stderr).toMatch(/^as ever\n.*Warning: late/);
  });

  test('a reader that stalls does not stop the process from doing other things', async () => {
    const program = `${prelude}
      let ticks = 0; setInterval(() => process.stderr.write('tick ' + ++ticks + '\\n'), 20);
      (async () => { for (;;) await output.write('x'.repeat(999) + '\\n'); })().catch(() => process.exit(1));`;
    const child = spawn('sh', ['-c', '"$0" -e "$1" "$2" | sleep 1', process.execPath, program, folder]);
    children.push(child);
    let ticks = '';
    child.stderr.on('data', (data) => (ticks += String(data)));
    await sleep(600);
    expect(ticks).toContain('tick 5\n');
  });
});
