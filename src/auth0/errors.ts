/**
 * What can come of speaking to Auth0, one class for each outcome that a caller treats differently. Messages name the
 * method, the path's template and the status; never a secret, a token, an id, a query's value or a row.
 */
export abstract class Auth0Error extends Error {
  /** @param nextStep what the reader can do about it, a sentence; it ends the message */
  constructor(what: string, nextStep: string) {
    super(`${what} ${nextStep}`);
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
    'Auth0 refused the client id or the client secret.',
    'Copy both again from the machine-to-machine application in the Auth0 Dashboard.',
  ],
  private_key: [
    'Auth0 refused the client id or what was signed with its private key.',
    'Check in the Auth0 Dashboard that the application authenticates by Private Key JWT and holds the public key of this pair, with this algorithm and key id; and that the clock of this machine is right.',
  ],
  audience: [
    'The tenant knows no API with the audience that was asked for.',
    'Set the audience to https://<canonical tenant domain>/api/v2/, also when a custom domain is used.',
  ],
  client_grant: [
    'The application is not authorized to use the Management API.',
    'In the Auth0 Dashboard, open the application, tab APIs, and authorize it for the Auth0 Management API.',
  ],
  grant_type: [
    'The application may not use the client credentials grant.',
    'In the Auth0 Dashboard, open the application, Advanced Settings, Grant Types, and switch on Client Credentials.',
  ],
  no_token_endpoint: [
    'There is no Auth0 token endpoint at this address.',
    'Check the domain: https://<tenant>.<region>.auth0.com or the custom domain of the tenant.',
  ],
  token_not_received: [
    'Auth0 did not receive the access token.',
    'Check that no proxy between here and Auth0 takes the Authorization header away.',
  ],
  expired_token: [
    'The access token has expired.',
    'Get a new Management API token, or use a client id and secret, which are renewed without you.',
  ],
  refused_token: [
    'Auth0 refuses the access token.',
    'Use a Management API token of this very tenant and domain, or a client id and secret.',
  ],
  refused_fresh_token: [
    'Auth0 refuses an access token that it has just issued.',
    'Check that domain and audience belong to the same tenant; a token fetched at a custom domain is used there only.',
  ],
};

/** The tenant does not let us in, and would not the next time either. */
export class BadCredentials extends Auth0Error {
  override readonly name = 'BadCredentials';
  constructor(readonly problem: CredentialsProblem) {
    super(...credentialsMessages[problem]);
  }
}

/** The token lacks a scope; any one of `scopes` would do. */
export class MissingScope extends Auth0Error {
  override readonly name = 'MissingScope';
  constructor(
    request: string,
    readonly scopes: string[],
  ) {
    const wanted = scopes.length > 0 ? scopes.join(' or ') : 'a scope that Auth0 did not name';
    super(
      `${request} was refused: the token lacks ${wanted}.`,
      'Add it to the application in the Auth0 Dashboard: APIs, Auth0 Management API, permissions of the application.',
    );
  }
}

/** The tenant's subscription does not include what was asked for. */
export class FeatureNotInPlan extends Auth0Error {
  override readonly name = 'FeatureNotInPlan';
  constructor(request: string) {
    super(
      `${request} was answered 403: the tenant's Auth0 plan does not include this.`,
      'Leave the stream out, or upgrade the subscription.',
    );
  }
}

const exhaustibleLimits = {
  rate: ["the tenant's rate limit", 'run fewer jobs against the tenant at a time'],
  /** https://auth0.com/docs/fine-grained-m2m-token-quotas */
  tokens: ['the quota of access tokens', 'raise the token quota of the application or the tenant'],
} as const;

/** What the tenant allows is spent for longer than the client may wait in place. */
export class RateLimited extends Auth0Error {
  override readonly name = 'RateLimited';
  constructor(
    request: string,
    /** When another try makes sense, epoch ms. */
    readonly retryAt: number,
    spent: keyof typeof exhaustibleLimits = 'rate',
  ) {
    const [limit, remedy] = exhaustibleLimits[spent];
    super(
      `${request} has to wait for ${limit} until ${new Date(retryAt).toISOString()}.`,
      `Nothing to do; it goes on by itself. If it happens often, ${remedy}.`,
    );
  }
}

/** What was asked for does not exist, or not any more. */
export class Gone extends Auth0Error {
  override readonly name = 'Gone';
  constructor(request: string) {
    super(`${request} was answered 404: it is not there any more.`, 'Read its list again.');
  }
}

/** Auth0 understood the request and refuses it as it is; asking again would not help. */
export class RequestRejected extends Auth0Error {
  override readonly name = 'RequestRejected';
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
      `${request} was refused with ${status}${why ? ` (${why})` : ''}.`,
      'Please report this with the message; the API may have changed.',
    );
  }
}

/** Nothing usable came this time: a 5xx or 408, a timeout, a broken connection. The next try may work. */
export class Transient extends Auth0Error {
  override readonly name = 'Transient';
  constructor(
    request: string,
    /** What happened, in words. */
    override readonly cause: string,
    /** True when no connection came about at all: name unknown, refused, no route, certificate not trusted. */
    readonly unreachable = false,
  ) {
    super(
      `${request} failed: ${cause}.`,
      unreachable ? 'Check the domain and the network between here and Auth0.' : 'Try again; see status.auth0.com.',
    );
  }
}

/** An answer came that is not what Auth0 documents; nothing of it is taken. */
export class UnexpectedAnswer extends Auth0Error {
  override readonly name = 'UnexpectedAnswer';
  constructor(
    request: string,
    /** What was wrong with it, in words. */
    readonly flaw: string,
    nextStep = 'Try again. If it stays, check that the domain is an Auth0 tenant without a proxy that changes answers.',
  ) {
    super(`${request} was answered unexpectedly: ${flaw}.`, nextStep);
  }
}

/** More rows share one search key than the search can show, and no further condition tells them apart. */
export class UnsplittableBlock extends Auth0Error {
  override readonly name = 'UnsplittableBlock';
  constructor(
    /** The block, in words: which key, which time. */
    readonly block: string,
  ) {
    super(
      `GET users cannot be read completely: ${block} holds more users than the search can tell apart.`,
      'Read the users in the other sync mode, which walks by another timestamp, or use an Auth0 export job.',
    );
  }
}
