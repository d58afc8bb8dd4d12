import type { JsonObject } from './json';

const statusTitles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  414: 'Request-URI Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

interface ApiErrorDetails {
  errorCode?: string | undefined;
  attributes?: JsonObject;
}

/** An error response of the Management API, in Auth0's envelope. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: keyof typeof statusTitles,
    message: string,
    readonly details: ApiErrorDetails = {},
  ) {
    super(message);
  }

  toBody(): JsonObject {
    const { errorCode, attributes } = this.details;
    return {
      statusCode: this.status,
      error: statusTitles[this.status],
      message: this.message,
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(attributes === undefined ? {} : { attributes }),
    };
  }
}

export function createBadRequestError(message: string, errorCode: string): ApiError {
  return new ApiError(400, message, { errorCode });
}

export function createUnauthorizedError(message: string): ApiError {
  return new ApiError(401, message, { attributes: { error: message } });
}

export function createInsufficientScopeError(anyOf: readonly string[]): ApiError {
  const message = `Insufficient scope, expected any of: ${anyOf.join(', ')}`;
  return new ApiError(403, message, { errorCode: 'insufficient_scope' });
}

export function createNotFoundError(message: string, errorCode?: string): ApiError {
  return new ApiError(404, message, { errorCode });
}

export function createTooManyRequestsError(): ApiError {
  return new ApiError(429, 'Global limit has been reached', { errorCode: 'too_many_requests' });
}
