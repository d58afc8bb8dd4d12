import { z } from 'zod';
import type { ConnectorSpecification } from '../airbyte/messages';
import type { JsonObject } from '../json';
import { sourceSchema } from './source';

/** Groups of Airbyte's form, and their settings. */
const formGroups = [
  { id: 'tenant', title: 'Tenant', settings: ['domain', 'base_url', 'credentials'] },
  { id: 'reading', title: 'Streams and reading', settings: ['start_date', 'lookback_seconds', 'lag_seconds', 'roles'] },
  { id: 'limit', title: 'Rate limit', settings: ['rate_limit_reserve', 'max_concurrency'] },
];

/** The connector's specification. The schema uses only what Airbyte supports of draft-07. */
export function createConnectorSpecification(): ConnectorSpecification {
  const schema = z.toJSONSchema(sourceSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.oneOf) jsonSchema.type = 'object';
      if (jsonSchema.additionalProperties) jsonSchema.additionalProperties = true;
    },
  }) as JsonObject & { properties: Record<string, JsonObject> };
  const properties = Object.entries(schema.properties).map(([name, property]): [string, JsonObject] => {
    const group = formGroups.find(({ settings }) => settings.includes(name));
    return [name, { ...property, ...(group && { group: group.id }) }];
  });
  return {
    documentationUrl: 'https://auth0.com/docs/api/management/v2',
    connectionSpecification: {
      ...schema,
      properties: Object.fromEntries(properties),
      groups: formGroups.map(({ id, title }) => ({ id, title })),
    },
  };
}
