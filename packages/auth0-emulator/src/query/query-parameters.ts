import { type ApiError, createBadRequestError } from '../api-error';

/** A query parameter. `description` is Auth0's own, which its error messages repeat. */
type QueryParameter =
  | { type: 'integer'; min: number; max: number; description: string }
  | { type: 'boolean'; description: string }
  | { type: 'string'; description: string; pattern?: RegExp };

export type QueryParameters = Record<string, QueryParameter>;
export type QueryValues = Record<string, string | number | boolean>;

const perPageDescription = 'Number of results per page. Defaults to 50';

export const pageParameters: QueryParameters = {
  page: { type: 'integer', min: 0, max: 1_000, description: 'Page index of the results to return. First page is 0' },
  per_page: { type: 'integer', min: 1, max: 100, description: perPageDescription },
  include_totals: {
    type: 'boolean',
    description:
      'Return results inside an object that contains the total result count (true) or as a direct array of results (false, default)',
  },
};

export const checkpointParameters: QueryParameters = {
  from: { type: 'string', description: 'Optional Id from which to start selection' },
  take: { type: 'integer', min: 1, max: 100, description: perPageDescription },
};

const fieldsDescription =
  'Comma-separated list of fields to include or exclude (based on value provided for include_fields) in the result. Leave empty to retrieve all fields';

export const fieldsParameters: QueryParameters = {
  fields: { type: 'string', description: fieldsDescription },
  include_fields: {
    type: 'boolean',
    description: 'Whether specified fields are to be included (true) or excluded (false)',
  },
};

export function createParameterError(problem: string, name: string, description: string): ApiError {
  const message = `Query validation error: '${problem}' on property ${name} (${description}).`;
  return createBadRequestError(message, 'invalid_query_string');
}

/** Parses a request's query. Throws ApiError (400) for an invalid value or an unknown parameter. */
export function parseQueryValues(raw: Readonly<Record<string, unknown>>, parameters: QueryParameters): QueryValues {
  const values: QueryValues = {};
  for (const [name, text] of Object.entries(raw)) {
    const parameter = parameters[name];
    if (!parameter) {
      const message = `Query validation error: 'Additional properties not allowed: ${name}'.`;
      throw createBadRequestError(message, 'invalid_query_string');
    }
    if (typeof text !== 'string')
      throw createParameterError(`Expected type ${parameter.type} but found type array`, name, parameter.description);
    values[name] = parseParameterValue(name, text, parameter);
  }
  return values;
}

function parseParameterValue(name: string, text: string, parameter: QueryParameter): string | number | boolean {
  const createError = (problem: string): ApiError => createParameterError(problem, name, parameter.description);
  switch (parameter.type) {
    case 'integer': {
      if (!/^-?\d+$/.test(text)) throw createError('Expected type integer but found type string');
      const value = Number(text);
      if (value > parameter.max) throw createError(`Value ${value} is greater than maximum ${parameter.max}`);
      if (value < parameter.min) throw createError(`Value ${value} is less than minimum ${parameter.min}`);
      return value;
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw createError('Expected type boolean but found type string');
      return text === 'true';
    case 'string':
      if (parameter.pattern && !parameter.pattern.test(text)) {
        throw createError(`String does not match pattern ${parameter.pattern.source}: ${text}`);
      }
      return text;
  }
}
