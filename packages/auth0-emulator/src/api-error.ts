import type { JsonObject } from './json';

/** An answer of the Management API that is not a success, in Auth0's envelope. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly title: string,
    message: string,
    readonly errorCode?: string,
    readonly attributes?: JsonObject,
  ) {
    super(message);
  }

  toBody(): JsonObject {
    return {
      statusCode: this.status,
      error: this.title,
      message: this.message,
      ...(this.errorCode === undefined ? {} : { errorCode: this.errorCode }),
      ...(this.attributes === undefined ? {} : { attributes: this.attributes }),
    };
  }
}

export function createUnauthorizedError(message: string): ApiError {
  return new ApiError(401, 'Unauthorized', message, undefined, { error: message });
}

export function createNotFoundError(message: string, errorCode?: string): ApiError {
  return new ApiError(404, 'Not Found', message, errorCode);
}

export function createInsufficientScopeError(anyOf: readonly string[]): ApiError {
  return new ApiError(
    403,
    'Forbidden',
    `Insufficient scope, expected any of: ${anyOf.join(', ')}`,
    'insufficient_scope',
  );
}
