import type { FastifyInstance, FastifyReply } from 'fastify';
import { signAccessToken } from './access-tokens';
import { type AssertionVerifier, createAssertionVerifier } from './client-assertions';
import type { Emulation } from '../emulation';
import { faultResponses } from '../fault-responses';
import { hash, toHex } from '../random';
import { tokenRefusals } from './token-refusals';
import { toText } from '../json';

export interface ExpectedCredentials {
  clientId: string;
  clientSecret: string;
}

interface TokenError {
  status: number;
  headers?: Record<string, string>;
  body: { error: string; error_description: string; error_uri?: string };
}

type TokenForm = Record<string, unknown>;

const rateLimitedError: TokenError = {
  status: 429,
  body: { error: 'too_many_requests', error_description: 'Global limit has been reached' },
};

/** The response to an invalid assertion, with the text of Auth0's API description. */
const invalidClientError: TokenError = {
  status: 401,
  body: { error: 'invalid_client', error_description: 'Client authentication failed' },
};

/** Serves `POST /oauth/token` for the tenant's only machine-to-machine client. The body is a form or JSON. */
export function serveTokenEndpoint(app: FastifyInstance, emulation: Emulation, credentials: ExpectedCredentials): void {
  const { statistics, settings } = emulation;
  const assertions = createAssertionVerifier(settings);
  let nth = 0;
  app.addHook('onRequest', (_request, reply, done) => {
    statistics.recordRequest('token', reply.raw);
    done();
  });
  app.post('/oauth/token', async (request, reply) => {
    nth += 1;
    const requestId = toHex(hash(emulation.seed, 95, nth));
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache', 'x-auth0-requestid': requestId });
    const fault = emulation.faults.selectFault(request.url);
    const sendFault = fault && faultResponses[fault.kind];
    if (sendFault) return sendFault(reply, emulation.now(), fault.text);
    const { allowed, level } = emulation.buckets.charge('token', emulation.now());
    if (level) {
      reply.header('x-ratelimit-limit', level.limit).header('x-ratelimit-remaining', level.remaining);
      reply.header('x-ratelimit-reset', level.reset);
    }
    const form = (request.body ?? {}) as TokenForm;
    const error = allowed
      ? await validateTokenRequest({ form, host: request.host, emulation, credentials, assertions })
      : rateLimitedError;
    if (error) return sendJson(reply.code(error.status).headers(error.headers ?? {}), error.body);
    const token = await signAccessToken({
      clientId: credentials.clientId,
      issuer: `${request.protocol}://${request.host}/`,
      audience: toText(form['audience']),
      scopes: settings.scopes,
      issuedAt: emulation.now(),
      lifetimeSeconds: settings.tokenLifetimeSeconds,
      signingKey: settings.signingKey,
    });
    return sendJson(reply, {
      access_token: token,
      scope: settings.scopes.join(' '),
      expires_in: settings.tokenLifetimeSeconds,
      token_type: 'Bearer',
    });
  });
}

/** Auth0's content type has no charset here. */
function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(body)));
}

interface TokenRequest {
  form: TokenForm;
  host: string;
  emulation: Emulation;
  credentials: ExpectedCredentials;
  assertions: AssertionVerifier;
}

/** Returns the error response, or undefined for a valid request. */
async function validateTokenRequest(request: TokenRequest): Promise<TokenError | undefined> {
  const { form, host, credentials, assertions } = request;
  const { settings, now } = request.emulation;
  const { grant_type, client_id, client_secret, audience } = form;
  if (grant_type === undefined) return createBadRequestError('Missing required parameter: grant_type');
  if (grant_type === 'refresh_token' && !form['refresh_token']) {
    return createBadRequestError('Missing required parameter: refresh_token');
  }
  if (settings.clientKey) {
    if (!(await assertions.verify(form, credentials.clientId, host, now()))) return invalidClientError;
  } else if (
    client_id !== credentials.clientId ||
    client_secret !== (settings.clientSecret ?? credentials.clientSecret)
  ) {
    return { status: 401, body: { error: 'access_denied', error_description: 'Unauthorized' } };
  }
  if (grant_type !== 'client_credentials') {
    const description = `Grant type '${toText(grant_type)}' not allowed for the client.`;
    return {
      ...tokenRefusals['grant-type-off'],
      body: { error: 'unauthorized_client', error_description: description },
    };
  }
  if (audience === undefined) {
    const description = 'No audience parameter was provided, and no default audience has been configured';
    return { status: 403, body: { error: 'access_denied', error_description: description } };
  }
  if (!isManagementAudience(host, toText(audience))) {
    const description = `Service not enabled within domain: ${toText(audience)}`;
    return { status: 403, body: { error: 'access_denied', error_description: description } };
  }
  return settings.tokenRefusal && fillAudience(tokenRefusals[settings.tokenRefusal], toText(audience));
}

/** The host in the request represents the tenant's domain, with http or https. */
function isManagementAudience(host: string, audience: string): boolean {
  return audience === `http://${host}/api/v2/` || audience === `https://${host}/api/v2/`;
}

function createBadRequestError(description: string): TokenError {
  return { status: 400, body: { error: 'invalid_request', error_description: description } };
}

function fillAudience(refusal: TokenError, audience: string): TokenError {
  const description = refusal.body.error_description.replace('{audience}', audience);
  return { ...refusal, body: { ...refusal.body, error_description: description } };
}
