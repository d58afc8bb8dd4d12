import {
  type Auth0Error,
  BadCredentials,
  FeatureNotInPlan,
  Gone,
  MissingScope,
  RequestRejected,
  Transient,
  UnexpectedAnswer,
} from './errors';
import type { HttpAnswer } from './http';
import { codeOf, type ErrorBody, quotableDetail, readErrorBody, scopesIn } from './wording';

const seeDomain =
  'Check the domain: a tenant answers itself, at https://<tenant>.<region>.auth0.com or its custom domain.';

/**
 * What a status other than 200 of the Management API means. 429 is not among them: it is a matter of waiting.
 * @param request method and path template, for messages
 */
export function refusalOf(request: string, { status, body }: HttpAnswer): Auth0Error {
  const said = readErrorBody(body);
  if (status >= 500 || status === 408) return new Transient(request, `Auth0 answered ${status}`);
  if (status >= 300 && status < 400)
    return new UnexpectedAnswer(request, `a redirect (${status}) to elsewhere`, seeDomain);
  switch (status) {
    case 401:
      return new BadCredentials(/expired/i.test(said.message ?? '') ? 'expired_token' : 'refused_token');
    case 403:
      return forbidden(request, said);
    case 404:
      return new Gone(request);
    case 400:
      // An opaque token, for the tenant's userinfo endpoint say, is answered so.
      if (said.errorCode === 'Bearer') return new BadCredentials('refused_token');
  }
  if (status < 400) return new UnexpectedAnswer(request, `status ${status}`);
  return new RequestRejected(request, status, codeOf(said), quotableDetail(said));
}

function forbidden(request: string, said: ErrorBody): Auth0Error {
  if (said.errorCode === 'insufficient_scope') return new MissingScope(request, scopesIn(said.message));
  if (said.errorCode === 'insufficient_entitlement') return new FeatureNotInPlan(request);
  if (said.error === undefined) return new UnexpectedAnswer(request, 'status 403, not in the form of Auth0', seeDomain);
  return new RequestRejected(request, 403, codeOf(said), quotableDetail(said));
}

/** What a status other than 200 and 429 of the token endpoint means. */
export function tokenRefusalOf(request: string, { status, body }: HttpAnswer): Auth0Error {
  const said = readErrorBody(body);
  const text = said.error_description ?? '';
  if (status >= 500 || status === 408) return new Transient(request, `Auth0 answered ${status}`);
  if (status >= 300 && status < 400)
    return new UnexpectedAnswer(request, `a redirect (${status}) to elsewhere`, seeDomain);
  if (status === 404) return new BadCredentials('no_token_endpoint');
  if (said.error === 'unauthorized_client') return new BadCredentials('grant_type');
  if (text.startsWith('Service not enabled within domain')) return new BadCredentials('audience');
  if (text.includes('not authorized to access')) return new BadCredentials('client_grant');
  if (status === 401) return new BadCredentials('secret');
  if (said.error === undefined)
    return new UnexpectedAnswer(request, `status ${status}, not in the form of Auth0`, seeDomain);
  return new RequestRejected(request, status, codeOf(said));
}
