export interface Meaning {
  /** The error's class and what it says for programs. */
  error: { name: string } & Record<string, unknown>;
  /** What it says for people: what happened, and the next step. */
  says: RegExp;
  failureType: 'config_error' | 'transient_error' | 'system_error';
  retried: boolean;
  /** What is wrong when it is said of a token that was fetched a moment ago. */
  afresh?: string;
  /** It asks to wait so long, ms; until then it is not asked again. */
  waits?: number;
}

export const credentials = (problem: string, says: RegExp, afresh = problem): Meaning => ({
  error: { name: 'BadCredentials', problem },
  says,
  failureType: 'config_error',
  retried: false,
  afresh,
});
export const wrongSecret = credentials(
  'secret',
  /client ID or the client secret\. Copy both from .* in the Auth0 Dashboard/,
);
export const noGrant = credentials(
  'client_grant',
  /not authorized to use the Management API\. .* APIs tab, and authorize it/,
);
export const refusedToken = credentials(
  'refused_token',
  /rejected the access token\. Use a Management API token for this tenant/,
  'refused_fresh_token',
);
export const noEndpoint = credentials(
  'no_token_endpoint',
  /no Auth0 token endpoint at this address\. Check the domain/,
);
export const lacks = (...scopes: string[]): Meaning => ({
  error: { name: 'MissingScope', scopes },
  says: new RegExp(
    `was rejected: the token lacks the scope ${scopes.join(' or ')}\\. Grant it .* Dashboard: Applications > APIs`,
  ),
  failureType: 'config_error',
  retried: false,
});
export const notInPlan: Meaning = {
  error: { name: 'FeatureNotInPlan' },
  says: /plan does not include this feature\. Deselect the stream, or upgrade the Auth0 plan/,
  failureType: 'config_error',
  retried: false,
};
export const gone: Meaning = {
  error: { name: 'Gone' },
  says: /: the resource no longer exists \(404\)\. Read the list again/,
  failureType: 'system_error',
  retried: false,
};
export const rejected = (status: number, errorCode?: string, detail?: string): Meaning => {
  const why = [errorCode, detail].filter((part) => part !== undefined).join(', ');
  return {
    error: { name: 'RequestRejected', status, errorCode, detail },
    says: new RegExp(`was rejected with status ${status}${why && ` \\(${why}\\)`}\\. .* Please report this message`),
    failureType: 'system_error',
    retried: false,
  };
};
export const outage = (cause: string): Meaning => ({
  error: { name: 'Transient', cause, unreachable: false },
  says: /failed: Auth0 answered \d+.*\. Try again\. See status\.auth0\.com/,
  failureType: 'transient_error',
  retried: true,
});
export const foreign = (flaw: string): Meaning => ({
  error: { name: 'UnexpectedAnswer', flaw },
  says: /returned an unexpected response: .*\. Check the domain/,
  failureType: 'transient_error',
  retried: true,
});
export const limit = (
  waits: number,
  says = /rate limit until [-\dT:.]+Z\. It resumes automatically\. .* run fewer jobs/,
): Meaning => ({
  error: { name: 'RateLimited' },
  says,
  failureType: 'transient_error',
  retried: true,
  waits,
});
export const quota = (waits: number): Meaning =>
  limit(waits, /the access token quota until .* increase the token quota/);
