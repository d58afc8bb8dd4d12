import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getCachedBinaryPath, locateTemporal } from '../../../src/temporal/embedded-server/binary';
import { makeScratch } from '../../support/server-scratch';

const scratch = makeScratch();

function place(path: string, mode = 0o755): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '', { mode });
  return path;
}

it('looks in TEMPORAL_CLI_PATH, PATH, the cache and the SDK download, in this order', () => {
  const home = join(scratch, 'home');
  const env = { HOME: home, TMPDIR: join(scratch, 'tmp'), PATH: `${scratch}/none:${scratch}/bin` };
  expect(() => locateTemporal(env)).toThrow(/no `temporal` binary was found/);
  const download = place(join(scratch, 'tmp', 'temporal-sdk-typescript-1.24.0'));
  expect(locateTemporal(env)).toBe(download);
  const cached = place(join(home, '.cache', 'rollcall', 'temporal-v1.5.1', 'temporal'));
  expect(locateTemporal(env)).toBe(cached);
  const onPath = place(join(scratch, 'bin', 'temporal'));
  expect(locateTemporal(env)).toBe(onPath);
  const named = place(join(scratch, 'mine'));
  expect(locateTemporal({ ...env, TEMPORAL_CLI_PATH: named })).toBe(named);
});

it('follows XDG_CACHE_HOME, unless it is relative', () => {
  expect(getCachedBinaryPath({ XDG_CACHE_HOME: 'cache', HOME: '/home/x' })).toMatch(/^\/home\/x\/\.cache\/rollcall/);
  expect(getCachedBinaryPath({ XDG_CACHE_HOME: '/cache', HOME: '/home/x' })).toBe(
    '/cache/rollcall/temporal-v1.5.1/temporal',
  );
});

it('passes over files that cannot be run and folders of the name', () => {
  const bin = join(scratch, 'odd');
  place(join(bin, 'a', 'temporal'), 0o644);
  mkdirSync(join(bin, 'b', 'temporal'), { recursive: true });
  const env = { HOME: bin, TMPDIR: bin, PATH: `${bin}/a:${bin}/b` };
  expect(() => locateTemporal(env)).toThrow(expect.objectContaining({ name: 'TemporalMissing' }));
});

it('does not fall back when TEMPORAL_CLI_PATH is wrong, and names the three ways to a binary', () => {
  const env = { TEMPORAL_CLI_PATH: '/nowhere/temporal', PATH: dirname(place(join(scratch, 'good', 'temporal'))) };
  expect(() => locateTemporal(env)).toThrow(
    /\/nowhere\/temporal.*\(1\) .*\(2\) .*\(3\) .*npm run setup.*TEMPORAL_ADDRESS/,
  );
});
