import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Version in package.json, which is one folder above both src and dist. */
export const version = (JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string })
  .version;
