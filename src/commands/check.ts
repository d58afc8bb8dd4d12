import { withTenant } from '../activities/tenants';
import { formatConnectionStatusLine } from '../airbyte/messages';
import { readJsonObject } from '../config/parsed-file';
import { listSecrets, parseSourceConfig } from '../config/source';
import { ConfigError, exitCodes } from '../errors';
import { checkTenant, formatCheckProblem } from '../preflight/check';
import type { AirbyteContext } from './airbyte-command';

/** Longest wait for the tenant's rate limit within a request. A busy tenant does not make the configuration invalid. */
const maxWaitMs = 60_000;

/** Airbyte's `check`. A configuration that does not work is a result (FAILED), not an error. */
export async function runCheck(flags: { config: string }, context: AirbyteContext): Promise<number> {
  const { output } = context;
  const problem = await checkConfiguration(flags.config, context);
  await output.write(
    problem === undefined ? formatConnectionStatusLine('SUCCEEDED') : formatConnectionStatusLine('FAILED', problem),
  );
  return exitCodes.ok;
}

async function checkConfiguration(file: string, { output, secrets, cwd }: AirbyteContext): Promise<string | undefined> {
  const json = await readJsonObject('--config', file, cwd);
  try {
    const config = parseSourceConfig(json);
    for (const secret of listSecrets(config)) secrets.add(secret);
    const onToken = (token: string): void => void secrets.add(token);
    return await withTenant(config, { onToken, maxWaitMs }, async ({ client, readLimits }) => {
      const report = await checkTenant(client);
      for (const { name, limit } of readLimits().buckets) {
        const subject = name === 'tenant' ? "The tenant's rate limit" : `The rate limit of ${name}`;
        output.log('INFO', `${subject} allows bursts of ${limit} requests.`);
      }
      return formatCheckProblem(report);
    });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
