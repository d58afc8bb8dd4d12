import { buildCatalog } from '../airbyte/catalog';
import { formatCatalogLine, formatSpecLine } from '../airbyte/messages';
import { createConnectorSpecification } from '../config/connector-specification';
import { readJsonObject } from '../config/parsed-file';
import { parseSourceConfig } from '../config/source';
import { exitCodes } from '../errors';
import { streams } from '../streams/registry';
import type { AirbyteContext } from './airbyte-command';

/** Airbyte's `spec`: needs no file, no network, no server. */
export async function runSpec({ output }: AirbyteContext): Promise<number> {
  await output.write(formatSpecLine(createConnectorSpecification()));
  return exitCodes.ok;
}

/** Airbyte's `discover`: the streams are the same for every tenant, so the configuration is only checked. */
export async function runDiscover(flags: { config: string }, { output, cwd }: AirbyteContext): Promise<number> {
  parseSourceConfig(await readJsonObject('--config', flags.config, cwd));
  await output.write(formatCatalogLine(buildCatalog(streams)));
  return exitCodes.ok;
}
