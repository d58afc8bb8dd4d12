/** Error responses of `/oauth/token` to correct credentials. `{audience}` is a placeholder. */
export const tokenRefusals = {
  'no-grant': {
    status: 403,
    headers: {},
    body: {
      error: 'access_denied',
      error_description:
        'Client is not authorized to access "{audience}". You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants',
    },
  },
  'grant-type-off': {
    status: 403,
    headers: {},
    body: {
      error: 'unauthorized_client',
      error_description: "Grant type 'client_credentials' not allowed for the client.",
      error_uri: 'https://auth0.com/docs/clients/client-grant-types',
    },
  },
  'quota-exceeded': {
    status: 429,
    headers: { 'retry-after': '1', 'auth0-client-quota-limit': 'b=per_hour;q=10;r=0;t=1,b=per_day;q=50;r=40;t=43200' },
    body: { error: 'too_many_requests', error_description: 'Client quota exceeded' },
  },
  'global-limit': {
    status: 500,
    headers: {},
    body: { error: 'access_denied', error_description: 'Global limit has been reached' },
  },
} as const;

export type TokenRefusal = keyof typeof tokenRefusals;
