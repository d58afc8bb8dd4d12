import type { JsonObject } from '../json';

/** A draft-07 JSON schema in Airbyte's dialect: every field nullable, no `$ref`, additional properties allowed. */
export type JsonSchema = JsonObject;

export const text: JsonSchema = { type: ['null', 'string'] };
export const boolean: JsonSchema = { type: ['null', 'boolean'] };
export const integer: JsonSchema = { type: ['null', 'integer'] };
export const timestamp: JsonSchema = {
  type: ['null', 'string'],
  format: 'date-time',
  airbyte_type: 'timestamp_with_timezone',
};

/** An object of free form, or one whose known fields are listed; unknown fields pass in both. */
export function object(properties?: Record<string, JsonSchema>): JsonSchema {
  return { type: ['null', 'object'], additionalProperties: true, ...(properties ? { properties } : {}) };
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
