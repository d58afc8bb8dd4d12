import { buildCatalog } from '../airbyte/catalog';
import { formatCatalogLine } from '../airbyte/messages';
import type { Output } from '../airbyte/output';
import { readJsonObject } from '../config/json-file';
import { parseSourceConfig } from '../config/source';
import { streams } from '../streams/registry';
import { exitCodes } from './exit';

/** Airbyte's `discover`: the streams are the same for every tenant, so the configuration is only checked. */
export async function runDiscover(flags: { config: string }, output: Output): Promise<number> {
  parseSourceConfig(await readJsonObject('--config', flags.config));
  await output.write(formatCatalogLine(buildCatalog(streams)));
  return exitCodes.ok;
}
