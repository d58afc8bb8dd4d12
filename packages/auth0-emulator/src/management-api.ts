import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticateBearer } from './auth/access-tokens';
import { ApiError, createInsufficientScopeError, createNotFoundError, createTooManyRequestsError } from './api-error';
import type { Emulation } from './emulation';
import { faultResponses, includesNamedRecord, omitRows, sendApiError, sendWithBodyFault } from './fault-responses';
import { parseQueryValues } from './query/query-parameters';
import { routes } from './routes/routes';
import type { Route } from './routes/route';

const defaultSlowMs = 5_000;
/** Number of responses that stale headers are behind. */
const staleHeaderLag = 10;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The endpoint's name in statistics. */
    endpoint?: string;
  }
  interface FastifyRequest {
    /** The request's number among those to the Management API, as the statistics count them. */
    requestNumber: number;
  }
}

/** Serves the Management API: counts, authenticates and charges each request, checks its scope, then answers or injects a fault. */
export function serveManagementApi(app: FastifyInstance, emulation: Emulation): void {
  const { statistics } = emulation;
  app.decorateRequest('requestNumber', 0);
  app.addHook('onRequest', async (request, reply) => {
    request.requestNumber = statistics.recordRequest(readEndpointName(request), reply.raw);
    emulation.churn.applyBeforeResponse(request.requestNumber);
    await emulation.requestCallbacks.run(request.requestNumber);
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { clockAheadMs } = emulation.settings;
    if (clockAheadMs !== 0) reply.header('date', new Date(emulation.now() + clockAheadMs).toUTCString());
    emulation.churn.applyAfterResponse(request.requestNumber);
    done();
  });
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof ApiError)) throw error;
    return sendApiError(reply, error);
  });
  app.setNotFoundHandler((_request, reply) => sendApiError(reply, createNotFoundError('Not Found')));
  for (const route of routes) serveRoute(app, route, emulation);
}

function serveRoute(app: FastifyInstance, route: Route, emulation: Emulation): void {
  const { settings } = emulation;
  let previous: string | undefined;
  app.get(route.path, { config: { endpoint: route.name } }, async (request, reply) => {
    reply.headers({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    const scopes = await authenticateBearer(request.headers.authorization, emulation.now(), settings.signingKey);
    chargeRequest(route, reply, emulation);
    if (!route.scopes.some((scope) => scopes.has(scope))) throw createInsufficientScopeError(route.scopes);
    const fault = emulation.faults.selectFault(request.url);
    const delay = settings.latencyMs + (fault?.kind === 'slow' ? (fault.ms ?? defaultSlowMs) : 0);
    if (delay > 0) await sleep(delay);
    const sendFault = fault && faultResponses[fault.kind];
    if (sendFault && fault.record === undefined) return sendFault(reply, emulation.now(), fault.text);
    const { body, headers = {} } = route.handle(
      {
        params: request.params as Record<string, string>,
        query: parseQueryValues(request.query as Record<string, unknown>, route.parameters),
        scopes,
        link: `http://${request.host}${request.url.split('?')[0] ?? ''}`,
        requestNumber: request.requestNumber,
      },
      emulation,
    );
    const isExempt = fault?.record !== undefined && !includesNamedRecord(body, fault.record);
    if (sendFault && !isExempt) return sendFault(reply, emulation.now(), fault.text);
    const kind = isExempt ? undefined : fault?.kind;
    const shouldOmitRows = kind === 'omit-rows' && 'per_page' in route.parameters;
    const json = JSON.stringify(shouldOmitRows ? omitRows(body, fault?.rows) : body);
    const repeatedPage = previous ?? json;
    previous = json;
    reply.headers(headers).type('application/json; charset=utf-8');
    return sendWithBodyFault(reply, kind === 'repeat-page' ? repeatedPage : json, kind);
  });
}

function readEndpointName(request: FastifyRequest): string {
  return request.routeOptions.config.endpoint ?? 'unknown';
}

/** Charges the request to its buckets and sets the rate limit headers. Throws ApiError (429). */
function chargeRequest({ group }: Route, reply: FastifyReply, { buckets, pastLevels, settings, now }: Emulation): void {
  const { allowed, level } = buckets.charge(group, now());
  if (!level) return;
  pastLevels.push(level);
  const oldest = pastLevels.length > staleHeaderLag ? pastLevels.shift() : pastLevels[0];
  const reported = settings.rateLimitHeaders === 'stale' ? (oldest ?? level) : level;
  if (settings.rateLimitHeaders !== 'absent') {
    reply.headers({
      'x-ratelimit-limit': reported.limit,
      'x-ratelimit-remaining': reported.remaining,
      'x-ratelimit-reset': reported.reset + Math.round(settings.clockAheadMs / 1_000),
    });
  }
  if (allowed) return;
  if (settings.sendRetryAfter) reply.header('retry-after', Math.max(1, Math.ceil(level.waitMs / 1_000)));
  throw createTooManyRequestsError();
}
