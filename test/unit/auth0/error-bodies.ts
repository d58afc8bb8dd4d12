import {
  credentials,
  foreign,
  gone,
  missingScope,
  limit,
  type Meaning,
  noEndpoint,
  noGrant,
  notInPlan,
  outage,
  quota,
  refusedToken,
  rejected,
  wrongSecret,
} from './error-meanings';

/** The rejected request, as messages name it. */
export type RequestLabel = 'POST /oauth/token' | 'GET users' | 'GET organizations/{id}/members' | 'GET roles/{id}';

export interface Answer {
  status: number;
  body: object | string;
  headers: Record<string, string>;
}

/** In the Management API's format. */
const api = (status: number, error: string, message?: string, errorCode?: string, headers = {}): Answer => ({
  status,
  body: { statusCode: status, error, ...(message && { message }), ...(errorCode && { errorCode }) },
  headers,
});
const unauthorized = (message: string): Answer => ({
  status: 401,
  body: { statusCode: 401, error: 'Unauthorized', message, attributes: { error: message } },
  headers: {},
});
/** In the token endpoint's format. */
const oauth = (status: number, error: string, error_description: string, headers = {}): Answer => ({
  status,
  body: { error, error_description },
  headers,
});
/** Proxies in front of Auth0 answer in HTML or without a body. */
const page = (status: number, body = `<html><title>${status}</title>planted</html>`): Answer => ({
  status,
  body,
  headers: { 'content-type': 'text/html; charset=UTF-8' },
});

/** Messages that quote the request contain `planted`. */
type Row = [what: string, label: RequestLabel, answer: Answer, meaning: Meaning];

const exhausted = { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1790000001' };
const date = new Date(1790000000_000).toUTCString();
const quotaLeft = { 'auth0-client-quota-limit': 'b=per_hour;q=10;r=0;t=1800,b=per_day;q=50;r=40;t=43200' };

/** All known error bodies of Auth0 and of proxies in front of it. */
export const rows: Row[] = [
  // The token endpoint.
  ['wrong id or secret', 'POST /oauth/token', oauth(401, 'access_denied', 'Unauthorized'), wrongSecret],
  ['wrong id or secret, as a 403', 'POST /oauth/token', oauth(403, 'access_denied', 'Unauthorized'), wrongSecret],
  ['wrong assertion', 'POST /oauth/token', oauth(401, 'invalid_client', 'Client authentication failed'), wrongSecret],
  ['wrong assertion, as a 400', 'POST /oauth/token', oauth(400, 'invalid_client', 'planted'), wrongSecret],
  [
    'unknown audience',
    'POST /oauth/token',
    oauth(403, 'access_denied', 'Service not enabled within domain: https://planted/'),
    credentials('audience', /no API with the configured audience\. Set the audience to https:.*\/api\/v2\//),
  ],
  [
    'no client grant',
    'POST /oauth/token',
    oauth(
      403,
      'access_denied',
      'Client is not authorized to access "https://planted/api/v2/". You need to create a "client-grant" associated to ' +
        'this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants',
    ),
    noGrant,
  ],
  [
    'no client grant, newer words',
    'POST /oauth/token',
    oauth(403, 'access_denied', 'Client "planted" is not authorized to access resource server "https://planted/".'),
    noGrant,
  ],
  [
    'grant type off',
    'POST /oauth/token',
    {
      status: 403,
      body: {
        error: 'unauthorized_client',
        error_description: "Grant type 'client_credentials' not allowed for the client.",
        error_uri: 'https://auth0.com/docs/clients/client-grant-types',
      },
      headers: {},
    },
    credentials('grant_type', /does not have the client credentials grant\. .* enable Client Credentials/),
  ],
  ['another refusal', 'POST /oauth/token', oauth(400, 'invalid_request', 'planted'), rejected(400, 'invalid_request')],
  ['no such endpoint', 'POST /oauth/token', page(404, 'Not found.'), noEndpoint],
  ['no such endpoint, in JSON', 'POST /oauth/token', api(404, 'Not Found', 'Not Found'), noEndpoint],
  ['a 401 of a proxy', 'POST /oauth/token', page(401), foreign('status 401 without an Auth0 error body')],
  ['a 403 of a firewall', 'POST /oauth/token', page(403), foreign('status 403 without an Auth0 error body')],
  ['a redirect', 'POST /oauth/token', page(302, ''), foreign('a redirect (302) to another address')],
  ['an outage', 'POST /oauth/token', page(502), outage('Auth0 answered 502')],
  [
    'token quota exhausted',
    'POST /oauth/token',
    oauth(429, 'too_many_requests', 'Client quota exceeded', { ...exhausted, ...quotaLeft, 'retry-after': '1800' }),
    quota(1_800_000),
  ],
  [
    'custom rate limit exhausted',
    'POST /oauth/token',
    oauth(429, 'too_many_requests', 'Rate limit exceeded.', {
      'auth0-ratelimit': 'client;q=10;t=7;r=0',
      'retry-after': '7',
    }),
    limit(7_000),
  ],
  [
    "rate limit exhausted, in the Management API's format",
    'POST /oauth/token',
    api(429, 'Too Many Requests', 'Global limit has been reached', 'too_many_requests', { ...exhausted, date }),
    limit(1_000),
  ],
  ['rate limit exhausted, without a time', 'POST /oauth/token', page(429), limit(1_000)],
  [
    'rate limit exhausted, to be retried at once',
    'POST /oauth/token',
    oauth(429, 'too_many_requests', 'Rate limit exceeded.', { 'retry-after': '0' }),
    limit(1_000),
  ],
  ...[500, 403, 401].map((status): Row => [
    `rate limit exhausted, as a ${status}`,
    'POST /oauth/token',
    oauth(status, 'access_denied', 'Global limit has been reached'),
    limit(1_000),
  ]),

  // The token, at the Management API.
  [
    'expired token',
    'GET users',
    unauthorized('Expired token received for JSON Web Token validation'),
    credentials('expired_token', /has expired\. Get a new Management API token, or/, 'refused_fresh_token'),
  ],
  ['malformed token', 'GET users', unauthorized('Invalid token'), refusedToken],
  [
    'wrong signature',
    'GET users',
    unauthorized('Invalid signature received for JSON Web Token validation'),
    refusedToken,
  ],
  [
    'opaque token',
    'GET users',
    api(400, 'Bad Request', 'Bad HTTP authentication header format', 'Bearer'),
    refusedToken,
  ],
  [
    'no token',
    'GET users',
    unauthorized('Missing authentication'),
    credentials('token_not_received', /did not receive the access token\. Check that no proxy removes/),
  ],
  ['token of another application', 'GET users', unauthorized('Client is not global.'), noGrant],
  ['a 401 of a proxy', 'GET users', page(401), foreign('status 401 without an Auth0 error body')],

  // Missing permissions.
  [
    'missing scope',
    'GET users',
    api(403, 'Forbidden', 'Insufficient scope, expected any of: read:users', 'insufficient_scope'),
    missingScope('read:users'),
  ],
  [
    'missing scopes',
    'GET users',
    api(403, 'Forbidden', 'Insufficient scope, expected any of: read:a, read:b_c', 'insufficient_scope'),
    missingScope('read:a', 'read:b_c'),
  ],
  [
    'missing scopes, comma without a blank',
    'GET users',
    api(403, 'Forbidden', 'Insufficient scope, expected any of: read:a,read:b_c', 'insufficient_scope'),
    missingScope('read:a', 'read:b_c'),
  ],
  [
    'missing scopes, as the documentation has it',
    'GET users',
    api(403, 'Forbidden', 'Insufficient scope; expected any of: read:a, read:b_c.', 'insufficient_scope'),
    missingScope('read:a', 'read:b_c'),
  ],
  [
    'missing scope for one field',
    'GET organizations/{id}/members',
    api(403, 'Forbidden', 'Insufficient scope, expected any of: read:organization_member_roles', 'insufficient_scope'),
    missingScope('read:organization_member_roles'),
  ],
  [
    'not in the plan',
    'GET roles/{id}',
    api(403, 'Forbidden', 'Please upgrade your subscription to …', 'insufficient_entitlement'),
    notInPlan,
  ],
  ['a 403 of a firewall', 'GET users', page(403), foreign('status 403 without an Auth0 error body')],

  // Invalid requests.
  ...['', '.'].map((end): Row => [
    `offset cap of users${end}`,
    'GET users',
    api(
      400,
      'Bad Request',
      'You can only page through the first 1000 records. See ' +
        `https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation${end}`,
      'invalid_paging',
    ),
    rejected(400, 'invalid_paging', 'You can only page through the first 1000 records'),
  ]),
  ...[' 10', ' 20', ''].map((place): Row => [
    `offset cap of a list: page${place}`,
    'GET organizations/{id}/members',
    api(
      400,
      'Bad Request',
      `Requesting page${place} exceeds the allowed maximum of 1000 records${
        place && '. To fetch results beyond 1000, use the checkpoint pagination method.'
      }`,
      'invalid_paging',
    ),
    rejected(400, 'invalid_paging', `Requesting page${place} exceeds the allowed maximum of 1000 records`),
  ]),
  ...['1000 is greater than maximum 100', '101 is greater than maximum 100'].map((flaw): Row => [
    `page too large: ${flaw}`,
    'GET users',
    api(
      400,
      'Bad Request',
      `Query validation error: 'Value ${flaw}' on property per_page (Number of results per page. Defaults to 50).`,
      'invalid_query_string',
    ),
    rejected(400, 'invalid_query_string', 'Query validation error'),
  ]),
  [
    'unsupported operator',
    'GET users',
    api(400, 'Bad Request', "invalid query: operator 'less or equal' is not supported", 'invalid_query_string'),
    rejected(400, 'invalid_query_string', "invalid query: operator 'less or equal' is not supported"),
  ],
  ...['v1.', 'v2. Use search_engine=v3 instead.'].map((engine): Row => [
    `search engine ${engine}`,
    'GET users',
    api(400, 'Bad Request', `You are not allowed to use search_engine=${engine}`),
    rejected(400, undefined, `You are not allowed to use search_engine=${engine.slice(0, 2)}`),
  ]),
  ['query too long', 'GET users', api(414, 'Request-URI Too Large', '414 Request-URI Too Large'), rejected(414)],
  ['query too long, by the edge', 'GET users', page(414, '414 Request-URI Too Large'), rejected(414)],
  ...[undefined, 'invalid_query_string', 'invalid_paging'].map((code): Row => [
    `checkpoint expired or wrong, ${code ?? 'no code'}`,
    'GET organizations/{id}/members',
    api(400, 'Bad Request', 'Invalid query string paging options: planted', code),
    rejected(400, code, 'Invalid query string paging options'),
  ]),
  [
    'id of another format',
    'GET organizations/{id}/members',
    api(
      400,
      'Bad Request',
      "Path validation error: 'Object didn't pass validation for format organization-id: org_planted' on property id " +
        '(Organization identifier).',
      'invalid_uri',
    ),
    rejected(400, 'invalid_uri', 'Path validation error'),
  ],
  ['a 400 of a firewall', 'GET users', page(400), foreign('status 400 without an Auth0 error body')],

  // Objects that do not exist.
  ...(
    [
      ['GET organizations/{id}/members', 'No organization found by that id or name'],
      ['GET organizations/{id}/members', 'The organization does not exist.'],
      ['GET organizations/{id}/members', 'The user does not exist.'],
      ['GET organizations/{id}/members', 'The user does not exist.', 'inexistent_user'],
      ['GET roles/{id}', 'The role does not exist.'],
      ['GET roles/{id}', 'The client does not exist', 'inexistent_client'],
      ['GET roles/{id}', 'The connection does not exist', 'inexistent_connection'],
      ['GET roles/{id}', 'The grant does not exist.', 'inexistent_client_grant'],
      ['GET roles/{id}', 'The resource server does not exist', 'inexistent_resource_server'],
      ['GET roles/{id}', 'The invitation does not exist.', 'inexistent_invitation'],
    ] as const
  ).map(([label, message, code]): Row => [
    code === undefined ? message : `${message} (${code})`,
    label,
    api(404, 'Not Found', message, code),
    gone,
  ]),
  ['no such list', 'GET users', api(404, 'Not Found', 'Not Found'), foreign('status 404')],
  ['a 404 of a proxy', 'GET organizations/{id}/members', page(404), foreign('status 404 without an Auth0 error body')],

  // Transient errors.
  ...(
    [
      ['rate limit exhausted', 'Global limit has been reached', 'too_many_requests'],
      ['rate limit exhausted, older form', undefined, undefined],
    ] as const
  ).flatMap(([what, message, code]): Row[] => [
    [
      what,
      'GET users',
      api(429, 'Too Many Requests', message, code, { ...exhausted, 'retry-after': '0.2' }),
      limit(200),
    ],
    [
      `${what}, until the reset`,
      'GET organizations/{id}/members',
      api(429, 'Too Many Requests', message, code, { ...exhausted, date }),
      limit(1_000),
    ],
    [`${what}, without a time`, 'GET roles/{id}', api(429, 'Too Many Requests', message, code), limit(500)],
  ]),
  ['rate limit exhausted, by the edge', 'GET users', page(429), limit(500)],
  [
    'search timeout',
    'GET users',
    api(
      503,
      'Service Unavailable',
      'The query exceeded the timeout. Please try refining your search criteria. See ' +
        'https://auth0.com/docs/best-practices/search-best-practices.',
    ),
    outage('Auth0 answered 503 (The query exceeded the timeout)'),
  ],
  [
    'an error of the API',
    'GET roles/{id}',
    api(500, 'Internal Server Error', 'An internal error occurred'),
    outage('Auth0 answered 500'),
  ],
  ['a limit as an error', 'GET users', api(500, 'x', 'Global limit has been reached'), outage('Auth0 answered 500')],
  ...[502, 503, 504, 520, 408].flatMap((status): Row[] => [
    [`a ${status} of the edge`, 'GET users', page(status), outage(`Auth0 answered ${status}`)],
    [`an empty ${status}`, 'GET organizations/{id}/members', page(status, ''), outage(`Auth0 answered ${status}`)],
  ]),
];
