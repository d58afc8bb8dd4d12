export interface Meaning {
  /** The error's class and what it says for programs. */
  error: { name: string } & Record<string, unknown>;
  /** What it says for people: what happened, and the next step. */
  says: RegExp;
  kind: 'config_error' | 'transient_error' | 'system_error';
  retried: boolean;
  /** What is wrong when it is said of a token that was fetched a moment ago. */
  afresh?: string;
  /** It asks to wait so long, ms; until then it is not asked again. */
  waits?: number;
}

export const credentials = (problem: string, says: RegExp, afresh = problem): Meaning => ({
  error: { name: 'BadCredentials', problem },
  says,
  kind: 'config_error',
  retried: false,
  afresh,
});
export const wrongSecret = credentials(
  'secret',
  /client id or the client secret\. Copy both again from the .* Dashboard/,
);
export const noGrant = credentials('client_grant', /not authorized .* Management API\. .* tab APIs, and authorize it/);
export const refusedToken = credentials(
  'refused_token',
  /refuses the access token\. Use a Management API token of this very tenant/,
  'refused_fresh_token',
);
export const noEndpoint = credentials(
  'no_token_endpoint',
  /no Auth0 token endpoint at this address\. Check the domain/,
);
export const lacks = (...scopes: string[]): Meaning => ({
  error: { name: 'MissingScope', scopes },
  says: new RegExp(
    `refused: the token lacks ${scopes.join(' or ')}\\. Add it .* Dashboard: APIs, Auth0 Management API`,
  ),
  kind: 'config_error',
  retried: false,
});
export const notInPlan: Meaning = {
  error: { name: 'FeatureNotInPlan' },
  says: /plan does not include this\. Leave the stream out, or upgrade the subscription/,
  kind: 'config_error',
  retried: false,
};
export const gone: Meaning = {
  error: { name: 'Gone' },
  says: /was answered 404: it is not there any more\. Read its list again/,
  kind: 'system_error',
  retried: false,
};
export const rejected = (status: number, errorCode?: string, detail?: string): Meaning => {
  const why = [errorCode, detail].filter((part) => part !== undefined).join(', ');
  return {
    error: { name: 'RequestRejected', status, errorCode, detail },
    says: new RegExp(`was refused with ${status}${why && ` \\(${why}\\)`}\\. Please report this with the message`),
    kind: 'system_error',
    retried: false,
  };
};
export const outage = (cause: string): Meaning => ({
  error: { name: 'Transient', cause, unreachable: false },
  says: /failed: Auth0 answered \d+.*\. Try again; see status\.auth0\.com/,
  kind: 'transient_error',
  retried: true,
});
export const foreign = (flaw: string): Meaning => ({
  error: { name: 'UnexpectedAnswer', flaw },
  says: /was answered unexpectedly: .*\. Check the domain/,
  kind: 'transient_error',
  retried: true,
});
export const limit = (
  waits: number,
  says = /rate limit until [-\dT:.]+Z\. .* goes on by itself\. .* run fewer jobs/,
): Meaning => ({
  error: { name: 'RateLimited' },
  says,
  kind: 'transient_error',
  retried: true,
  waits,
});
export const quota = (waits: number): Meaning => limit(waits, /quota of access tokens until .* raise the token quota/);
