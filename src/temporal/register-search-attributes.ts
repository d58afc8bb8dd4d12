import { setTimeout as sleep } from 'node:timers/promises';
import { RollcallError } from '../errors';
import { type SearchAttributeName, searchAttributeTypes } from '../workflows/names';
import type { TemporalConnection } from './connection';

const attributeNames = Object.keys(searchAttributeTypes) as SearchAttributeName[];

/** By type: temporal.api.enums.v1.IndexedValueType, and a question that can be asked of such an attribute. */
const attributeKinds = {
  KEYWORD: { indexed: 2, question: (name: SearchAttributeName) => `${name} = 'nothing'` },
  INT: { indexed: 3, question: (name: SearchAttributeName) => `${name} = -1` },
} as const;

/** gRPC's INVALID_ARGUMENT: by it the server says that a query names an attribute that it does not know. */
const invalidArgumentCode = 3;

/** A server takes some seconds to take note of new attributes everywhere. */
const registrationTimeoutMs = 30_000;
const pollIntervalMs = 100;

/** New attributes were taken, but are not known yet. */
export class SearchAttributesPending extends RollcallError {
  readonly failureType = 'transient_error';
  constructor(missing: readonly string[]) {
    super(
      `the Temporal server accepted ${missing.join(', ')}, but they are not available yet.`,
      'Run the command again in a minute.',
    );
  }
}

/**
 * The search attributes of `sync` workflows that the server does not know. It is asked by queries, which every server answers;
 * Temporal Cloud has no operator service to list them by.
 * @throws what the server says to a question that it does not answer (gRPC's ServiceError)
 */
export async function findMissingSearchAttributes(connection: TemporalConnection): Promise<string[]> {
  if (await areKnown(connection, attributeNames)) return [];
  const answered = await Promise.all(attributeNames.map((name) => areKnown(connection, [name])));
  return attributeNames.filter((_, place) => !answered[place]);
}

/** Whether a run that is started now may set them. A server that can't be asked is taken to know none. */
export async function knowsSearchAttributes(connection: TemporalConnection): Promise<boolean> {
  return areKnown(connection, attributeNames).catch(() => false);
}

/**
 * Has the server know the attributes that are missing, and waits until it does.
 * @throws SearchAttributesPending after half a minute; what the server says when it refuses them (gRPC's ServiceError): no
 * right to add any, or Temporal Cloud, where they are added by `tcld` or its UI
 */
export async function addSearchAttributes(connection: TemporalConnection): Promise<void> {
  const { native, namespace } = connection;
  const missing = await findMissingSearchAttributes(connection);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(
    attributeNames
      .filter((name) => missing.includes(name))
      .map((name) => [name, attributeKinds[searchAttributeTypes[name]].indexed]),
  );
  await native.operatorService.addSearchAttributes({ namespace, searchAttributes });
  const deadline = performance.now() + registrationTimeoutMs;
  while (!(await areKnown(connection, attributeNames))) {
    if (performance.now() > deadline) throw new SearchAttributesPending(missing);
    await sleep(pollIntervalMs);
  }
}

async function areKnown(
  { client, namespace }: TemporalConnection,
  requested: readonly SearchAttributeName[],
): Promise<boolean> {
  const query = requested.map((name) => attributeKinds[searchAttributeTypes[name]].question(name)).join(' AND ');
  try {
    await client.workflowService.countWorkflowExecutions({ namespace, query });
    return true;
  } catch (error) {
    if ((error as { code?: number }).code === invalidArgumentCode) return false;
    throw error;
  }
}
