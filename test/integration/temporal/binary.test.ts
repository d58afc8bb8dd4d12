import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getCachedBinaryPath, locateTemporal, pickShimVariables } from '../../../src/temporal/embedded-server/binary';
import { isPortListening, startEmbeddedServer } from '../../../src/temporal/embedded-server/embedded-server';
import { temporalBinary } from '../../support/embedded-servers';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();

function writeBinary(path: string, mode = 0o755, content = ''): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
  return path;
}

it('looks in TEMPORAL_CLI_PATH, PATH and the cache, in this order', () => {
  const home = join(scratch, 'home');
  const env = { HOME: home, PATH: `${scratch}/none:${scratch}/bin` };
  expect(() => locateTemporal(env)).toThrow(/No `temporal` binary was found/);
  const cached = writeBinary(join(home, '.cache', 'rollcall', 'temporal-v1.5.1', 'temporal'));
  expect(locateTemporal(env)).toBe(cached);
  const onPath = writeBinary(join(scratch, 'bin', 'temporal'));
  expect(locateTemporal(env)).toBe(onPath);
  const named = writeBinary(join(scratch, 'mine'));
  expect(locateTemporal({ ...env, TEMPORAL_CLI_PATH: named })).toBe(named);
});

it('follows XDG_CACHE_HOME, unless it is relative', () => {
  expect(getCachedBinaryPath({ XDG_CACHE_HOME: 'cache', HOME: '/home/x' })).toMatch(/^\/home\/x\/\.cache\/rollcall/);
  expect(getCachedBinaryPath({ XDG_CACHE_HOME: '/cache', HOME: '/home/x' })).toBe(
    '/cache/rollcall/temporal-v1.5.1/temporal',
  );
});

it('passes over files that cannot be run and folders named temporal', () => {
  const bin = join(scratch, 'odd');
  writeBinary(join(bin, 'a', 'temporal'), 0o644);
  mkdirSync(join(bin, 'b', 'temporal'), { recursive: true });
  const env = { HOME: bin, PATH: `${bin}/a:${bin}/b` };
  expect(() => locateTemporal(env)).toThrow(expect.objectContaining({ name: 'TemporalMissing' }));
});

describe("a version manager's shim on PATH", () => {
  const home = join(scratch, 'manager');
  const shims = join(home, 'shims');
  // As asdf's: it needs PATH for its own program, and HOME for the version that it stands for.
  const shim = writeBinary(join(shims, 'temporal'), 0o755, '#!/bin/sh\nexec manager-exec temporal "$@"\n');
  const manager = `#!/bin/sh\n[ -x "$HOME/version/temporal" ] || exit 126\nshift\nexec "$HOME/version/temporal" "$@"\n`;
  writeBinary(join(shims, 'manager-exec'), 0o755, manager);
  const env = { HOME: home, PATH: shims };

  it('is passed over while no version is selected', () => {
    expect(() => locateTemporal(env)).toThrow(/No `temporal` binary was found/);
  });

  it('is used once a version is selected, and starts a server', async () => {
    writeBinary(join(home, 'version', 'temporal'), 0o755, `#!/bin/sh\nexec ${temporalBinary} "$@"\n`);
    expect(locateTemporal(env)).toBe(shim);
    const server = await startEmbeddedServer({ binary: shim, env: pickShimVariables(env), logFile: join(home, 'log') });
    expect(await isPortListening(Number(server.address.split(':')[1]))).toBe(true);
    await server.stop();
  });
});

it("keeps the settings of the user's `temporal env` out of the server", async () => {
  const home = join(scratch, 'settings');
  const database = join(home, 'other.db');
  writeBinary(
    join(home, '.config/temporalio/temporal.yaml'),
    0o644,
    `env:\n  default:\n    db-filename: ${database}\n`,
  );
  const server = await startEmbeddedServer({ binary: temporalBinary, env: { HOME: home }, logFile: join(home, 'log') });
  await server.stop();
  expect(existsSync(database)).toBe(false);
});

it('does not fall back when TEMPORAL_CLI_PATH is wrong, and names three ways to a binary', () => {
  const PATH = dirname(writeBinary(join(scratch, 'good', 'temporal')));
  expect(() => locateTemporal({ TEMPORAL_CLI_PATH: '/nowhere/temporal', PATH })).toThrow(
    /\/nowhere\/temporal.*\(1\) .*\(2\) .*\(3\) .*npm run setup.*TEMPORAL_ADDRESS/,
  );
});
