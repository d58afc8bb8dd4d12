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
  /** A named scenario or one's own. */
  scenario: ScenarioName | TenantScenario;
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
}

/** A running emulated tenant. */
export interface Emulator {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  url: string;
  /** Host and port of the url, which stand for the tenant's domain. */
  domain: string;
  clientId: string;
  clientSecret: string;
  /** `<url>/api/v2/`. Accepted as well: the same with https, and with whatever host the client reached the emulator by. */
  audience: string;
  tenant: EmulatedTenant;
  readStatistics(): Statistics;
  resetStatistics(): void;
  /** Key → content hash of every record, by stream (see `truth.ts`). */
  readTruth(): Record<TruthStream, Map<string, string>>;
  /** Has the time that the next two speak of begin now; before, it begins with the emulator. */
  restartKeyHistory(): void;
  /** Keys of the records that existed all the time, without interruption, by stream. A copy that began and ended meanwhile holds them. */
  listKeysAlwaysPresent(): StreamKeys;
  /** Keys of the records that existed at any moment, by stream. A copy holds nothing else. */
  listKeysEverPresent(): StreamKeys;
  /** Replaces what is left of the scripted changes. */
  setScript(script: readonly ScriptedChange[]): void;
  /**
   * Calls back when the nth request to the Management API arrives, and answers it once the callback's promise, if it
   * returns one, has settled. Requests are counted from 1 as `stats` does, and anew after `resetStats`. Throws a RangeError
   * for one that has come already.
   */
  onRequest(nth: number, callback: RequestCallback): void;
  /** Replaces the faults; their counts start anew. */
  setFaults(faults: readonly Fault[]): void;
  /** What is not named stays. */
  updateSettings(settings: SettingsPatch): void;
  /** Breaks open connections off. */
  close(): Promise<void>;
}

/** Auth0's ids are longer than the router's default allows for. */
const maxParameterLength = 1_000;
/** Larger than any query that is to be answered with 414 rather than by the HTTP server itself. */
const maxHeaderBytes = 65_536;
/** Changes and faults come in lists. */
const maxBodyBytes = 16 * 1_024 * 1_024;

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { scenario: named, port = 0, host = '127.0.0.1', ...behaviour } = options;
  const scenario: TenantScenario = typeof named === 'string' ? scenarios[named] : named;
  const emulation = createEmulation(scenario, behaviour);
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
