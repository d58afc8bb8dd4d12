import { z } from 'zod';
import type { JsonObject } from '../json';
import { streams } from '../streams/registry';
import { projectSchema } from './project-file';

type SchemaNode = { [keyword: string]: unknown };

/** JSON schema of `rollcall.yaml` for editors, in draft-07, which they support. */
export function createProjectSchema(): JsonObject {
  const schema = z.toJSONSchema(projectSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // Only Airbyte's form uses it.
      delete (jsonSchema as SchemaNode)['order'];
    },
  }) as SchemaNode;
  const { defaults, connections } = schema['properties'] as { defaults: SchemaNode; connections: SchemaNode };
  for (const settings of [defaults, connections['additionalProperties'] as SchemaNode]) nameStreams(settings);
  return schema as JsonObject;
}

/** Adds the names of the streams, which the file's schema does not know. */
function nameStreams({ properties }: SchemaNode): void {
  const names = streams.map(({ name }) => name);
  const { anyOf } = (properties as { streams: { anyOf: [SchemaNode, SchemaNode] } }).streams;
  anyOf[0]['items'] = { enum: names };
  anyOf[1]['propertyNames'] = { enum: names };
}
