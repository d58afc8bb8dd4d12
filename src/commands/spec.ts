import { specLine } from '../airbyte/messages';
import type { Output } from '../airbyte/output';
import { connectorSpecification } from '../config/spec';
import { exitCodes } from './exit';

/** Airbyte's `spec`: needs no file, no network, no server. */
export async function spec(output: Output): Promise<number> {
  await output.write(specLine(connectorSpecification()));
  return exitCodes.ok;
}
