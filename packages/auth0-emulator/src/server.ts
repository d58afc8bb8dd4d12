import type { AddressInfo } from 'node:net';
import formbody from '@fastify/formbody';
import fastify from 'fastify';
import { prepareSigningKeys } from './auth/access-tokens';
import { serveTokenEndpoint } from './auth/token-endpoint';
import { serveControlApi } from './control-api';
import type { ScriptedChange } from './data/churn';
import type { EmulatedTenant } from './data/tenant';
import { readTruth, type StreamKeys, truthStreams, type TruthStream } from './data/truth';
import { createEmulation, type EmulationOptions, replaceFaults, type SettingsPatch, updateSettings } from './emulation';
import type { Fault } from './faults';
import { serveManagementApi } from './management-api';
import { plantSecret } from './planted-secrets';
import type { RequestCallback } from './request-callbacks';
import { type ScenarioName, scenarios, type TenantScenario } from './scenario';
import type { Statistics } from './statistics';

export interface EmulatorOptions extends EmulationOptions {
  /** The name of a scenario, or a scenario. */
  scenario: ScenarioName | TenantScenario;
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
}

/** A running emulated tenant. */
export interface Emulator {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  url: string;
  /** Host and port of the URL, which represent the tenant's domain. */
  domain: string;
  clientId: string;
  clientSecret: string;
  /** `<url>/api/v2/`. The same with https, or with the host in the client's request, is also accepted. */
  audience: string;
  /** The tenant's data, to read and to change. */
  tenant: EmulatedTenant;
  readStatistics(): Statistics;
  resetStatistics(): void;
  /** The content hash of every record by key, by stream (see `hashContent`). */
  readTruth(): Record<TruthStream, Map<string, string>>;
  /** Starts the period of `listKeysAlwaysPresent` and `listKeysEverPresent` now. Initially it starts with the emulator. */
  restartKeyHistory(): void;
  /** Keys of the records that existed during the whole period. A copy made in the period must contain them. */
  listKeysAlwaysPresent(): StreamKeys;
  /** Keys of the records that existed at any time in the period. A copy must not contain others. */
  listKeysEverPresent(): StreamKeys;
  /** Replaces the remaining scripted changes. */
  setScript(script: readonly ScriptedChange[]): void;
  /**
   * Calls back when the nth request to the Management API arrives, and answers it after the returned promise settles.
   * Requests are numbered from 1, and again after `resetStatistics`. Throws RangeError for a request that has arrived.
   *
   * @example emulator.onRequest(3, () => emulator.tenant.deleteUser(userId));
   */
  onRequest(nth: number, callback: RequestCallback): void;
  /**
   * Replaces the faults and resets their counts.
   *
   * @example emulator.setFaults([{ kind: '503', match: '/users', nth: 2 }]);
   */
  setFaults(faults: readonly Fault[]): void;
  /**
   * Changes the given settings.
   *
   * @example emulator.updateSettings({ rateLimits: 'free', latencyMs: 50 });
   */
  updateSettings(settings: SettingsPatch): void;
  /** Closes the server and all connections. */
  close(): Promise<void>;
}

/** Auth0's ids are longer than the router's default limit. */
const maxParameterLength = 1_000;
/** Large enough for the API itself to answer 414 to a long query. */
const maxHeaderBytes = 65_536;
/** For lists of changes and faults. */
const maxBodyBytes = 16 * 1_024 * 1_024;

/**
 * Starts an emulated tenant on a local port.
 *
 * @example
 * const emulator = await startEmulator({ scenario: 'small', rateLimits: 'free' });
 * const { url, clientId, clientSecret, audience } = emulator;
 * // Run the client under test against `url`.
 * await emulator.close();
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { scenario: choice, port = 0, host = '127.0.0.1', ...emulationOptions } = options;
  const scenario: TenantScenario = typeof choice === 'string' ? scenarios[choice] : choice;
  const emulation = createEmulation(scenario, emulationOptions);
  const credentials = {
    clientId: 'emulatedclient00000000000000000000',
    clientSecret: plantSecret('own-client', emulation.seed, 0),
  };
  void prepareSigningKeys();
  const app = fastify({
    http: { maxHeaderSize: maxHeaderBytes },
    bodyLimit: maxBodyBytes,
    forceCloseConnections: true,
    routerOptions: { ignoreDuplicateSlashes: true, maxParamLength: maxParameterLength },
  });
  app.addHook('onClose', () => emulation.churn.stop());
  await app.register(async (token) => {
    await token.register(formbody);
    serveTokenEndpoint(token, emulation, credentials);
  });
  await app.register(
    (api, _options, done) => {
      serveManagementApi(api, emulation);
      done();
    },
    { prefix: '/api/v2' },
  );
  await app.register(
    (control, _options, done) => {
      serveControlApi(control, emulation);
      done();
    },
    { prefix: '/_emulator' },
  );
  await app.listen({ port, host });

  const { port: boundPort } = app.server.address() as AddressInfo;
  const domain = `${host === '0.0.0.0' ? '127.0.0.1' : host}:${boundPort}`;
  const url = `http://${domain}`;
  return {
    url,
    domain,
    ...credentials,
    audience: `${url}/api/v2/`,
    tenant: emulation.tenant,
    readStatistics: () => emulation.statistics.read(),
    resetStatistics: () => emulation.statistics.reset(),
    readTruth: () =>
      Object.fromEntries(truthStreams.map((stream) => [stream, readTruth(emulation.tenant, stream)])) as Record<
        TruthStream,
        Map<string, string>
      >,
    ...emulation.keyHistory,
    setScript: (script) => emulation.churn.setScript(script),
    onRequest: (nth, callback) => emulation.requestCallbacks.register(nth, callback),
    setFaults: (faults) => replaceFaults(emulation, faults),
    updateSettings: (settings) => updateSettings(emulation, settings),
    close: () => app.close(),
  };
}
