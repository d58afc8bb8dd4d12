import { buildCatalog } from '../airbyte/catalog';
import { formatCatalogLine, formatSpecLine } from '../airbyte/messages';
import { createConnectorSpecification } from '../config/published-schemas';
import { readJsonObject } from '../config/parsed-file';
import { parseSourceConfig } from '../config/source';
import { exitCodes } from '../errors';
import { streams } from '../streams/registry';
import type { AirbyteContext } from './airbyte-command';

/** Airbyte's `spec`. */
export async function runSpec({ output }: AirbyteContext): Promise<number> {
  await output.write(formatSpecLine(createConnectorSpecification()));
  return exitCodes.ok;
}

/** Airbyte's `discover`. All tenants have the same streams; the configuration is only validated. */
export async function runDiscover(flags: { config: string }, { output, cwd }: AirbyteContext): Promise<number> {
  parseSourceConfig(await readJsonObject('--config', flags.config, cwd));
  await output.write(formatCatalogLine(buildCatalog(streams)));
  return exitCodes.ok;
}
