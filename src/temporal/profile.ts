import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { RollcallError } from '../errors';
import { defined } from '../json';

// Apart from connection.ts, which loads Temporal's Core: commands look for a server before they need that.

/** Address and credentials of a Temporal server. */
export interface TemporalTarget extends Pick<NativeConnectionOptions, 'tls' | 'apiKey' | 'metadata'> {
  /** `host:port`. */
  address: string;
  namespace: string;
}

/** The Temporal settings in the environment or in the profile file are invalid. */
export class TemporalProfileInvalid extends RollcallError {
  readonly failureType = 'config_error';
  constructor(cause: unknown) {
    super(
      `the Temporal settings are invalid: ${(cause as Error).message}.`,
      'Check the TEMPORAL_* variables and the file at TEMPORAL_CONFIG_FILE ' +
        '(default: temporalio/temporal.toml in your configuration folder).',
      { cause },
    );
  }
}

/**
 * The server that the environment selects, by the variables and the profile file of the `temporal` CLI: TEMPORAL_ADDRESS,
 * TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE
 * (https://docs.temporal.io/develop/environment-configuration). Undefined when none has an address.
 */
export function readProfile(env: Readonly<Record<string, string | undefined>>): TemporalTarget | undefined {
  try {
    const overrideEnvVars = defined(env) as Record<string, string>;
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({ overrideEnvVars });
    const { address, apiKey, tls, metadata } = connectionOptions;
    return address ? { address, namespace, ...defined({ tls, apiKey, metadata }) } : undefined;
  } catch (error) {
    throw new TemporalProfileInvalid(error);
  }
}
