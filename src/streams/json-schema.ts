import { defined, type JsonObject } from '../json';

/** A draft-07 JSON schema as Airbyte expects it: every field is nullable, no `$ref`, additional properties are allowed. */
export type JsonSchema = JsonObject;

export const text: JsonSchema = { type: ['null', 'string'] };
export const boolean: JsonSchema = { type: ['null', 'boolean'] };
export const integer: JsonSchema = { type: ['null', 'integer'] };
export const timestamp: JsonSchema = {
  type: ['null', 'string'],
  format: 'date-time',
  airbyte_type: 'timestamp_with_timezone',
};

/** An object with or without known fields. Unknown fields are valid in both. */
export function object(properties?: Record<string, JsonSchema>): JsonSchema {
  return { type: ['null', 'object'], additionalProperties: true, ...defined({ properties }) };
}

export function array(items: JsonSchema): JsonSchema {
  return { type: ['null', 'array'], items };
}

/** The schema of a stream's records. */
export function recordSchema(properties: Record<string, JsonSchema>): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: true,
    properties,
  };
}
