import { exitCodes, RollcallError } from '../errors';

/**
 * An error of a request to Auth0. There is one class for each outcome that callers handle differently. Messages contain the
 * method, the path template and the status, but never a secret, a token, an id, a query value or a row.
 */
export abstract class Auth0Error extends RollcallError {}

/** Requires a change of the application, its credentials or the tenant's plan. */
abstract class AccessDenied extends Auth0Error {
  readonly failureType = 'config_error';
  override get exitCode(): number {
    return exitCodes.credentials;
  }
}

export type CredentialsProblem =
  | 'secret'
  | 'private_key'
  | 'audience'
  | 'client_grant'
  | 'grant_type'
  | 'no_token_endpoint'
  | 'token_not_received'
  | 'expired_token'
  | 'refused_token'
  | 'refused_fresh_token';

const credentialsMessages: Readonly<Record<CredentialsProblem, [message: string, nextStep: string]>> = {
  secret: [
    'Auth0 rejected the client ID or the client secret.',
    'Copy both from the machine-to-machine application in the Auth0 Dashboard.',
  ],
  private_key: [
    'Auth0 rejected the client ID or the assertion signed with the private key.',
    'Check in the Auth0 Dashboard that the application uses Private Key JWT and has the matching public key, algorithm and key ID. Check that the clock of this machine is correct.',
  ],
  audience: [
    'The tenant has no API with the configured audience.',
    'Set the audience to https://<canonical tenant domain>/api/v2/, even if you use a custom domain.',
  ],
  client_grant: [
    'The application is not authorized to use the Management API.',
    'In the Auth0 Dashboard, open the application, then the APIs tab, and authorize it for the Auth0 Management API.',
  ],
  grant_type: [
    'The application does not have the client credentials grant.',
    'In the Auth0 Dashboard, open the application, then Advanced Settings > Grant Types, and enable Client Credentials.',
  ],
  no_token_endpoint: [
    'There is no Auth0 token endpoint at this address.',
    "Check the domain: <tenant>.<region>.auth0.com or the tenant's custom domain.",
  ],
  token_not_received: [
    'Auth0 did not receive the access token.',
    'Check that no proxy removes the Authorization header.',
  ],
  expired_token: [
    'The access token has expired.',
    'Get a new Management API token, or use a client ID and secret: Rollcall then renews tokens automatically.',
  ],
  refused_token: [
    'Auth0 rejected the access token.',
    'Use a Management API token for this tenant and domain, or a client ID and secret.',
  ],
  refused_fresh_token: [
    'Auth0 rejected an access token that it had just issued.',
    'Check that domain and audience belong to the same tenant. A token requested at a custom domain is valid only there.',
  ],
};

/** Auth0 rejected the credentials; a retry is pointless. */
export class BadCredentials extends AccessDenied {
  constructor(readonly problem: CredentialsProblem) {
    super(...credentialsMessages[problem]);
  }
}

/** Where the Auth0 Dashboard grants scopes to an application. */
export const applicationPermissionsPage =
  'Applications > APIs > Auth0 Management API > Machine to Machine Applications';

/** The token lacks a scope. Each of `scopes` is sufficient. */
export class MissingScope extends AccessDenied {
  constructor(
    request: string,
    readonly scopes: string[],
  ) {
    const missing = scopes.length > 0 ? scopes.join(' or ') : 'a scope (Auth0 did not report which)';
    super(
      `${request} was rejected: the token lacks the scope ${missing}.`,
      `Grant it to the application in the Auth0 Dashboard: ${applicationPermissionsPage}.`,
    );
  }
}

/** The tenant's subscription does not include the requested feature. */
export class FeatureNotInPlan extends AccessDenied {
  constructor(request: string) {
    super(
      `${request} was rejected (403): the tenant's Auth0 plan does not include this feature.`,
      'Deselect the stream, or upgrade the Auth0 plan.',
    );
  }
}

const exhaustibleLimits = {
  rate: ["the tenant's rate limit", 'run fewer jobs against the tenant at the same time'],
  /** https://auth0.com/docs/fine-grained-m2m-token-quotas */
  tokens: ['the access token quota', 'increase the token quota of the application or the tenant'],
} as const;

/** A limit of the tenant requires a longer wait than the client's `maxWaitMs`. */
export class RateLimited extends Auth0Error {
  readonly failureType = 'transient_error';
  constructor(
    request: string,
    /** When to retry, epoch ms. */
    readonly retryAt: number,
    exhausted: keyof typeof exhaustibleLimits = 'rate',
  ) {
    const [limit, remedy] = exhaustibleLimits[exhausted];
    super(
      `${request} is waiting for ${limit} until ${new Date(retryAt).toISOString()}.`,
      `It resumes automatically. If this happens often, ${remedy}.`,
    );
  }
}

/** The object does not exist, or no longer exists. */
export class Gone extends Auth0Error {
  readonly failureType = 'system_error';
  constructor(request: string) {
    super(`${request}: the resource no longer exists (404).`, 'Read the list again.');
  }
}

/** Auth0 rejected the request itself; a retry is pointless. */
export class RequestRejected extends Auth0Error {
  readonly failureType = 'system_error';
  constructor(
    request: string,
    readonly status: number,
    /** Auth0's `errorCode`, such as `invalid_paging`. */
    readonly errorCode?: string,
    /** Auth0's message, where it does not quote the request. */
    readonly detail?: string,
  ) {
    const why = [errorCode, detail].filter((part) => part !== undefined).join(', ');
    super(
      `${request} was rejected with status ${status}${why ? ` (${why})` : ''}.`,
      'The API may have changed. Please report this message.',
    );
  }
}

/** A 5xx or 408, a timeout or a lost connection. A retry may succeed. */
export class Transient extends Auth0Error {
  readonly failureType = 'transient_error';
  constructor(
    request: string,
    /** For the message. */
    override readonly cause: string,
    /** Whether no connection could be established: unknown host, refused, no route, untrusted certificate. */
    readonly unreachable = false,
  ) {
    super(
      `${request} failed: ${cause}.`,
      unreachable
        ? 'Check the domain and the network connection to Auth0.'
        : 'Try again. See status.auth0.com for outages.',
    );
  }
}

/** A response that differs from Auth0's documentation; none of it is used. A retry may succeed. */
export class UnexpectedAnswer extends Auth0Error {
  readonly failureType = 'transient_error';
  constructor(
    request: string,
    /** For the message. */
    readonly flaw: string,
    nextStep = 'Try again. If the error persists, check that the domain is an Auth0 tenant and that no proxy changes responses.',
  ) {
    super(`${request} returned an unexpected response: ${flaw}.`, nextStep);
  }
}

/** More users share one search key than a search can return, and no other condition splits them. */
export class UnsplittableBlock extends Auth0Error {
  readonly failureType = 'system_error';
  constructor(
    /** Describes the key and the time. */
    readonly block: string,
  ) {
    super(
      `Users cannot be read completely: ${block} exceed what one search can return.`,
      'Use the other sync mode, which orders users by another timestamp, or use an Auth0 export job.',
    );
  }
}
