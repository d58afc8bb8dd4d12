import { formatSpecLine } from '../airbyte/messages';
import type { Output } from '../airbyte/output';
import { createConnectorSpecification } from '../config/spec';
import { exitCodes } from './exit';

/** Airbyte's `spec`: needs no file, no network, no server. */
export async function runSpec(output: Output): Promise<number> {
  await output.write(formatSpecLine(createConnectorSpecification()));
  return exitCodes.ok;
}
