export interface Meaning {
  /** The error's class and fields. */
  error: { name: string } & Record<string, unknown>;
  /** Of the message: what happened, and the next step. */
  pattern: RegExp;
  failureType: 'config_error' | 'transient_error' | 'system_error';
  isRetried: boolean;
  /** The problem when the token was issued a moment ago. */
  freshTokenProblem?: string;
  /** Requested wait, during which no request is sent. */
  waitMs?: number;
}

export const credentials = (problem: string, pattern: RegExp, freshTokenProblem = problem): Meaning => ({
  error: { name: 'BadCredentials', problem },
  pattern,
  failureType: 'config_error',
  isRetried: false,
  freshTokenProblem,
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
export const missingScope = (...scopes: string[]): Meaning => ({
  error: { name: 'MissingScope', scopes },
  pattern: new RegExp(
    `was rejected: the token lacks the scope ${scopes.join(' or ')}\\. Grant it .* Dashboard: Applications > APIs`,
  ),
  failureType: 'config_error',
  isRetried: false,
});
export const notInPlan: Meaning = {
  error: { name: 'FeatureNotInPlan' },
  pattern: /plan does not include this feature\. Deselect the stream, or upgrade the Auth0 plan/,
  failureType: 'config_error',
  isRetried: false,
};
export const gone: Meaning = {
  error: { name: 'Gone' },
  pattern: /: the resource no longer exists \(404\)\. Read the list again/,
  failureType: 'system_error',
  isRetried: false,
};
export const rejected = (status: number, errorCode?: string, detail?: string): Meaning => {
  const why = [errorCode, detail].filter((part) => part !== undefined).join(', ');
  return {
    error: { name: 'RequestRejected', status, errorCode, detail },
    pattern: new RegExp(`was rejected with status ${status}${why && ` \\(${why}\\)`}\\. .* Please report this message`),
    failureType: 'system_error',
    isRetried: false,
  };
};
export const outage = (cause: string): Meaning => ({
  error: { name: 'Transient', cause, unreachable: false },
  pattern: /failed: Auth0 answered \d+.*\. Try again\. See status\.auth0\.com/,
  failureType: 'transient_error',
  isRetried: true,
});
export const foreign = (flaw: string): Meaning => ({
  error: { name: 'UnexpectedAnswer', flaw },
  pattern: /returned an unexpected response: .*\. Check the domain/,
  failureType: 'transient_error',
  isRetried: true,
});
export const limit = (
  waitMs: number,
  pattern = /rate limit until [-\dT:.]+Z\. It resumes automatically\. .* run fewer jobs/,
): Meaning => ({
  error: { name: 'RateLimited' },
  pattern,
  failureType: 'transient_error',
  isRetried: true,
  waitMs,
});
export const quota = (waitMs: number): Meaning =>
  limit(waitMs, /the access token quota until .* increase the token quota/);
