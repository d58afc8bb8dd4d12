import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

it('the generated tables in docs and the generated schema are up to date', () => {
  const script = join(__dirname, '..', '..', 'scripts', 'connector-docs.mjs');
  execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
});
