import { ApiError } from '../api-error';

/** What a query parameter may be. `about` is Auth0's description of it, which its error messages repeat. */
type QueryParameter =
  | { type: 'integer'; least: number; most: number; about: string }
  | { type: 'boolean'; about: string }
  | { type: 'string'; about: string; pattern?: RegExp };

export type QueryParameters = Record<string, QueryParameter>;
export type QueryValues = Record<string, string | number | boolean>;

const perPageDescription = 'Number of results per page. Defaults to 50';

export const pageParameters: QueryParameters = {
  page: { type: 'integer', least: 0, most: 1_000, about: 'Page index of the results to return. First page is 0' },
  per_page: { type: 'integer', least: 1, most: 100, about: perPageDescription },
  include_totals: {
    type: 'boolean',
    about:
      'Return results inside an object that contains the total result count (true) or as a direct array of results (false, default)',
  },
};

export const checkpointParameters: QueryParameters = {
  from: { type: 'string', about: 'Optional Id from which to start selection' },
  take: { type: 'integer', least: 1, most: 100, about: perPageDescription },
};

const fieldsDescription =
  'Comma-separated list of fields to include or exclude (based on value provided for include_fields) in the result. Leave empty to retrieve all fields';

export const fieldsParameters: QueryParameters = {
  fields: { type: 'string', about: fieldsDescription },
  include_fields: { type: 'boolean', about: 'Whether specified fields are to be included (true) or excluded (false)' },
};

export function createParameterError(problem: string, name: string, about: string): ApiError {
  const message = `Query validation error: '${problem}' on property ${name} (${about}).`;
  return new ApiError(400, 'Bad Request', message, 'invalid_query_string');
}

/** The values of a request's query in their types. Throws the ApiError of a 400 for a value out of bounds or an unknown parameter. */
export function parseQueryValues(raw: Readonly<Record<string, unknown>>, parameters: QueryParameters): QueryValues {
  const values: QueryValues = {};
  for (const [name, text] of Object.entries(raw)) {
    const parameter = parameters[name];
    if (!parameter) {
      const message = `Query validation error: 'Additional properties not allowed: ${name}'.`;
      throw new ApiError(400, 'Bad Request', message, 'invalid_query_string');
    }
    if (typeof text !== 'string')
      throw createParameterError(`Expected type ${parameter.type} but found type array`, name, parameter.about);
    values[name] = parseParameterValue(name, text, parameter);
  }
  return values;
}

function parseParameterValue(name: string, text: string, parameter: QueryParameter): string | number | boolean {
  const refuse = (problem: string): ApiError => createParameterError(problem, name, parameter.about);
  switch (parameter.type) {
    case 'integer': {
      if (!/^-?\d+$/.test(text)) throw refuse('Expected type integer but found type string');
      const value = Number(text);
      if (value > parameter.most) throw refuse(`Value ${value} is greater than maximum ${parameter.most}`);
      if (value < parameter.least) throw refuse(`Value ${value} is less than minimum ${parameter.least}`);
      return value;
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw refuse('Expected type boolean but found type string');
      return text === 'true';
    case 'string':
      if (parameter.pattern && !parameter.pattern.test(text)) {
        throw refuse(`String does not match pattern ${parameter.pattern.source}: ${text}`);
      }
      return text;
  }
}
