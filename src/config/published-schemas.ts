import { z } from 'zod';
import type { ConnectorSpecification } from '../airbyte/messages';
import type { JsonObject } from '../json';
import { streams } from '../streams/registry';
import { projectSchema } from './project-file';
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
  for (const [name, property] of Object.entries(schema.properties)) {
    const group = formGroups.find(({ settings }) => settings.includes(name));
    if (group) property['group'] = group.id;
  }
  return {
    documentationUrl: 'https://auth0.com/docs/api/management/v2',
    connectionSpecification: {
      ...schema,
      groups: formGroups.map(({ id, title }) => ({ id, title })),
    },
  };
}

type SchemaNode = { [keyword: string]: unknown };

/** JSON schema of `rollcall.yaml` for editors, in draft-07, which they support. */
export function createProjectSchema(): JsonObject {
  const schema = z.toJSONSchema(projectSchema, {
    target: 'draft-7',
    io: 'input',
    // Only Airbyte's form uses it.
    override: ({ jsonSchema }) => delete (jsonSchema as SchemaNode)['order'],
  }) as SchemaNode;
  const { defaults, connections } = schema['properties'] as { defaults: SchemaNode; connections: SchemaNode };
  // The file's schema does not know the names of the streams.
  const names = { enum: streams.map(({ name }) => name) };
  for (const { properties } of [defaults, connections['additionalProperties'] as SchemaNode]) {
    const { anyOf } = (properties as { streams: { anyOf: [SchemaNode, SchemaNode] } }).streams;
    anyOf[0]['items'] = names;
    anyOf[1]['propertyNames'] = names;
  }
  return schema as JsonObject;
}
