import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type EmulatedTenant, NoSuchEntity } from './data/tenant';
import type { TenantChange } from './data/tenant-change';
import { hashContent, truthReaders, truthStreams, type TruthStream } from './data/truth';
import { type Emulation, replaceFaults, type SettingsPatch, updateSettings } from './emulation';
import type { Fault } from './faults';

const loopbackAddresses = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/**
 * Serves the control API, for tests, to this machine only and without a token:
 *
 * - `GET /stats`, `POST /reset-stats`;
 * - `GET /truth?streams=users,clients&keys=true`: `{stream: {key: hash}}`, or `{stream: [key]}` with `keys=true`, streamed
 *   (keys and hashes: see `truth.ts`);
 * - `POST /mutate` with a TenantChange or a list of them: returns the changed entities;
 * - `POST /faults` with a list of faults, which replaces the current one;
 * - `POST /settings` with the settings to change.
 */
export function serveControlApi(app: FastifyInstance, emulation: Emulation): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!loopbackAddresses.has(request.ip))
      await reply.code(403).send({ error: 'The control API accepts requests from this machine only' });
  });
  app.get('/stats', () => emulation.statistics.read());
  app.post('/reset-stats', () => {
    emulation.statistics.reset();
    return {};
  });
  app.get<{ Querystring: { streams?: string; keys?: string } }>('/truth', (request, reply) => {
    const streams = request.query.streams?.split(',') ?? truthStreams;
    const known = truthStreams.filter((stream) => streams.includes(stream));
    const parts = formatTruth(emulation.tenant, known, request.query.keys === 'true');
    return reply.type('application/json; charset=utf-8').send(Readable.from(joinChunks(parts)));
  });
  app.post<{ Body: TenantChange | TenantChange[] }>('/mutate', (request, reply) => {
    try {
      return [request.body].flat().map((change) => emulation.tenant.apply(change));
    } catch (error) {
      if (!(error instanceof NoSuchEntity)) throw error;
      return reply.code(404).send({ error: error.message });
    }
  });
  app.post<{ Body: Fault[] }>('/faults', (request) => {
    replaceFaults(emulation, request.body);
    return {};
  });
  app.post<{ Body: SettingsPatch }>('/settings', (request) => {
    updateSettings(emulation, request.body);
    return emulation.settings;
  });
}

function* formatTruth(tenant: EmulatedTenant, streams: readonly TruthStream[], keysOnly: boolean): Generator<string> {
  const [open, close] = keysOnly ? ['[', ']'] : ['{', '}'];
  yield '{';
  for (const [index, stream] of streams.entries()) {
    yield `${index === 0 ? '' : ','}"${stream}":${open}`;
    let separator = '';
    for (const { key, content } of truthReaders[stream](tenant)) {
      yield separator + JSON.stringify(key) + (keysOnly ? '' : `:"${hashContent(content)}"`);
      separator = ',';
    }
    yield close;
  }
  yield '}';
}

/** Joins small pieces to chunks, and yields to other requests between them. */
async function* joinChunks(pieces: Iterable<string>): AsyncGenerator<string> {
  let chunk = '';
  for (const part of pieces) {
    chunk += part;
    if (chunk.length < 65_536) continue;
    yield chunk;
    chunk = '';
    await new Promise(setImmediate);
  }
  yield chunk;
}
