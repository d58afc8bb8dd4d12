import { z } from 'zod';
import type { ConnectorSpecification } from '../airbyte/messages';
import type { JsonObject } from '../json';
import { sourceSchema } from './source';

/** The connector's specification. Its schema is that of the configuration, in the part of draft-07 that Airbyte knows. */
export function connectorSpecification(): ConnectorSpecification {
  return {
    documentationUrl: 'https://auth0.com/docs/api/management/v2',
    connectionSpecification: z.toJSONSchema(sourceSchema, {
      target: 'draft-7',
      io: 'input',
      override: ({ jsonSchema }) => {
        if (jsonSchema.oneOf) jsonSchema.type = 'object';
        if (jsonSchema.additionalProperties) jsonSchema.additionalProperties = true;
      },
    }) as JsonObject,
  };
}
