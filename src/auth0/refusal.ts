import {
  type Auth0Error,
  BadCredentials,
  type CredentialsProblem,
  FeatureNotInPlan,
  Gone,
  MissingScope,
  RequestRejected,
  Transient,
  UnexpectedAnswer,
} from './errors';
import type { HttpResponse } from './http';
import { readErrorCode, type ErrorBody, findQuotableDetail, parseErrorBody, parseRequiredScopes } from './wording';

const domainNextStep =
  'Check the domain: a tenant answers itself, at https://<tenant>.<region>.auth0.com or its custom domain.';

/**
 * What a status other than 200 of the Management API means. 429 is not among them: it is a matter of waiting.
 * @param request method and path template, for messages
 */
export function classifyResponse(request: string, { status, body }: HttpResponse): Auth0Error {
  const said = parseErrorBody(body);
  // A request line that is too long does not get as far as the API.
  if (status !== 414 && !isAuth0Refusal(status, said)) return classifyForeignResponse(request, status, said);
  switch (status) {
    case 401:
      return new BadCredentials(classifyTokenProblem(said.message ?? ''));
    case 403:
      if (said.errorCode === 'insufficient_scope') return new MissingScope(request, parseRequiredScopes(said.message));
      if (said.errorCode === 'insufficient_entitlement') return new FeatureNotInPlan(request);
      break;
    case 404:
      // Every tenant has the lists themselves: only what has an id can vanish.
      return request.includes('{id}') ? new Gone(request) : new UnexpectedAnswer(request, 'status 404', domainNextStep);
    case 400:
      // An opaque token, for the tenant's userinfo endpoint say, is answered so.
      if (said.errorCode === 'Bearer') return new BadCredentials('refused_token');
  }
  return new RequestRejected(request, status, readErrorCode(said), findQuotableDetail(said));
}

function classifyTokenProblem(message: string): CredentialsProblem {
  if (/expired/i.test(message)) return 'expired_token';
  if (/^missing authentication/i.test(message)) return 'token_not_received';
  // Said of a token whose application may not use the Management API.
  if (/^client is not global/i.test(message)) return 'client_grant';
  return 'refused_token';
}

/** What a status other than 200 and 429 of the token endpoint means. */
export function classifyTokenResponse(request: string, { status, body }: HttpResponse): Auth0Error {
  const said = parseErrorBody(body);
  const text = said.error_description ?? '';
  if (status === 404) return new BadCredentials('no_token_endpoint');
  if (!isAuth0Refusal(status, said)) return classifyForeignResponse(request, status, said);
  if (said.error === 'unauthorized_client') return new BadCredentials('grant_type');
  if (text.startsWith('Service not enabled within domain')) return new BadCredentials('audience');
  if (text.includes('not authorized to access')) return new BadCredentials('client_grant');
  if (status === 401 || said.error === 'invalid_client' || text === 'Unauthorized') return new BadCredentials('secret');
  return new RequestRejected(request, status, readErrorCode(said));
}

/** True for Auth0's own refusal of the request, in its own form: proxies and firewalls refuse in HTML. */
function isAuth0Refusal(status: number, said: ErrorBody): boolean {
  return status >= 400 && status < 500 && status !== 408 && said.error !== undefined;
}

/** What else may come in place of an answer; it says nothing of the request. */
function classifyForeignResponse(request: string, status: number, said: ErrorBody): Auth0Error {
  if (status >= 500 || status === 408) {
    const detail = findQuotableDetail(said);
    return new Transient(request, `Auth0 answered ${status}${detail ? ` (${detail})` : ''}`);
  }
  if (status >= 400) return new UnexpectedAnswer(request, `status ${status}, not in the form of Auth0`, domainNextStep);
  if (status >= 300) return new UnexpectedAnswer(request, `a redirect (${status}) to elsewhere`, domainNextStep);
  return new UnexpectedAnswer(request, `status ${status}`);
}
