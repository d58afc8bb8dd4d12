import { checkProblem, checkTenant } from '../activities/check';
import { createTenants } from '../activities/tenant';
import { connectionStatusLine } from '../airbyte/messages';
import type { VerbContext } from './verb';
import { readJsonObject } from '../config/json-file';
import { parseSourceConfig, secretsOf } from '../config/source';
import { exitCodes } from './exit';

/** Longest wait for the tenant's limit: a busy tenant is no wrong configuration. */
const maxWaitMs = 60_000;

/** Airbyte's `check`: a configuration that does not work is an answer (FAILED), not an error of the command. */
export async function check(flags: { config: string }, { output, secrets }: VerbContext): Promise<number> {
  const problem = await findProblem(flags.config, output, secrets);
  await output.write(
    problem === undefined ? connectionStatusLine('SUCCEEDED') : connectionStatusLine('FAILED', problem),
  );
  return exitCodes.ok;
}

async function findProblem(
  file: string,
  output: VerbContext['output'],
  secrets: Set<string>,
): Promise<string | undefined> {
  const json = await readJsonObject('--config', file);
  try {
    const config = parseSourceConfig(json);
    for (const secret of secretsOf(config)) secrets.add(secret);
    const tenants = createTenants({
      resolve: () => Promise.resolve(config),
      onToken: (token) => secrets.add(token),
      maxWaitMs,
    });
    try {
      const { client, limits } = await tenants.tenantOf('check');
      const report = await checkTenant(client);
      for (const { name, limit } of limits().buckets) {
        const whose = name === 'tenant' ? 'The tenant' : `For ${name}, the tenant`;
        output.log('INFO', `${whose} lets out ${limit} requests at once, as its rate limit tells.`);
      }
      return checkProblem(report);
    } finally {
      tenants.close();
    }
  } catch (error) {
    if ((error as Error).name === 'ConfigError') return (error as Error).message;
    throw error;
  }
}
