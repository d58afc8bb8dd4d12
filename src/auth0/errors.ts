import { exitCodes, RollcallError } from '../errors';

/**
 * What can come of speaking to Auth0, one class for each outcome that a caller treats differently. Messages name the
 * method, the path's template and the status; never a secret, a token, an id, a query's value or a row.
 */
export abstract class Auth0Error extends RollcallError {}

/** Only a change of the application, its credentials or the tenant's plan helps. */
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

/** The tenant does not let us in, and would not the next time either. */
export class BadCredentials extends AccessDenied {
  override readonly name = 'BadCredentials';
  constructor(readonly problem: CredentialsProblem) {
    super(...credentialsMessages[problem]);
  }
}

/** The token lacks a scope; any one of `scopes` would do. */
export class MissingScope extends AccessDenied {
  override readonly name = 'MissingScope';
  constructor(
    request: string,
    readonly scopes: string[],
  ) {
    const wanted = scopes.length > 0 ? scopes.join(' or ') : 'a scope (Auth0 did not report which)';
    super(
      `${request} was rejected: the token lacks the scope ${wanted}.`,
      'Grant it to the application in the Auth0 Dashboard: Applications > APIs > Auth0 Management API > Machine to Machine Applications.',
    );
  }
}

/** The tenant's subscription does not include what was asked for. */
export class FeatureNotInPlan extends AccessDenied {
  override readonly name = 'FeatureNotInPlan';
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

/** What the tenant allows is spent for longer than the client may wait in place. */
export class RateLimited extends Auth0Error {
  override readonly name = 'RateLimited';
  readonly failureType = 'transient_error';
  constructor(
    request: string,
    /** When another try makes sense, epoch ms. */
    readonly retryAt: number,
    spent: keyof typeof exhaustibleLimits = 'rate',
  ) {
    const [limit, remedy] = exhaustibleLimits[spent];
    super(
      `${request} is waiting for ${limit} until ${new Date(retryAt).toISOString()}.`,
      `It resumes automatically. If this happens often, ${remedy}.`,
    );
  }
}

/** What was asked for does not exist, or not any more. */
export class Gone extends Auth0Error {
  override readonly name = 'Gone';
  readonly failureType = 'system_error';
  constructor(request: string) {
    super(`${request}: the resource no longer exists (404).`, 'Read the list again.');
  }
}

/** Auth0 understood the request and refuses it as it is; asking again would not help. */
export class RequestRejected extends Auth0Error {
  override readonly name = 'RequestRejected';
  readonly failureType = 'system_error';
  constructor(
    request: string,
    readonly status: number,
    /** Auth0's `errorCode`, `invalid_paging` for one. */
    readonly errorCode?: string,
    /** Auth0's wording, where it is known to quote nothing. */
    readonly detail?: string,
  ) {
    const why = [errorCode, detail].filter((part) => part !== undefined).join(', ');
    super(
      `${request} was rejected with status ${status}${why ? ` (${why})` : ''}.`,
      'The API may have changed. Please report this message.',
    );
  }
}

/** Nothing usable came this time: a 5xx or 408, a timeout, a broken connection. The next try may work. */
export class Transient extends Auth0Error {
  override readonly name = 'Transient';
  readonly failureType = 'transient_error';
  constructor(
    request: string,
    /** What happened, in words. */
    override readonly cause: string,
    /** True when no connection came about at all: name unknown, refused, no route, certificate not trusted. */
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

/** An answer came that is not what Auth0 documents; nothing of it is taken. */
export class UnexpectedAnswer extends Auth0Error {
  override readonly name = 'UnexpectedAnswer';
  readonly failureType = 'transient_error';
  constructor(
    request: string,
    /** What was wrong with it, in words. */
    readonly flaw: string,
    nextStep = 'Try again. If the error persists, check that the domain is an Auth0 tenant and that no proxy changes responses.',
  ) {
    super(`${request} returned an unexpected response: ${flaw}.`, nextStep);
  }
}

/** More rows share one search key than the search can show, and no further condition tells them apart. */
export class UnsplittableBlock extends Auth0Error {
  override readonly name = 'UnsplittableBlock';
  readonly failureType = 'system_error';
  constructor(
    /** The block, in words: which key, which time. */
    readonly block: string,
  ) {
    super(
      `Users cannot be read completely: ${block} exceed what one search can return.`,
      'Use the other sync mode, which orders users by another timestamp, or use an Auth0 export job.',
    );
  }
}
