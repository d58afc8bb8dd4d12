import { catalogOf } from '../airbyte/catalog';
import { catalogLine } from '../airbyte/messages';
import type { Output } from '../airbyte/output';
import { readJsonObject } from '../config/json-file';
import { parseSourceConfig } from '../config/source';
import { streams } from '../streams/registry';
import { exitCodes } from './exit';

/** Airbyte's `discover`: the streams are the same for every tenant, so the configuration is only checked. */
export async function discover(flags: { config: string }, output: Output): Promise<number> {
  parseSourceConfig(await readJsonObject('--config', flags.config));
  await output.write(catalogLine(catalogOf(streams)));
  return exitCodes.ok;
}
