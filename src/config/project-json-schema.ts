import { z } from 'zod';
import type { JsonObject } from '../json';
import { streams } from '../streams/registry';
import { projectSettings } from './project-file';

type SchemaNode = { [keyword: string]: unknown };

/** JSON schema (draft-07, which editors know) of `rollcall.yaml`, for completion and a description of every key. */
export function createProjectSchema(): JsonObject {
  const schema = z.toJSONSchema(projectSettings, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // For the form that Airbyte makes of a specification.
      delete (jsonSchema as SchemaNode)['order'];
    },
  }) as SchemaNode;
  const { defaults, connections } = schema['properties'] as { defaults: SchemaNode; connections: SchemaNode };
  for (const settings of [defaults, connections['additionalProperties'] as SchemaNode]) nameStreams(settings);
  return schema as JsonObject;
}

/** Which streams there are is known to the registry, and to the file's schema only by name. */
function nameStreams({ properties }: SchemaNode): void {
  const names = streams.map(({ name }) => name);
  const { anyOf } = (properties as { streams: { anyOf: [SchemaNode, SchemaNode] } }).streams;
  anyOf[0]['items'] = { enum: names };
  anyOf[1]['propertyNames'] = { enum: names };
}
