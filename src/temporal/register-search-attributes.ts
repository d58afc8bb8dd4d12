import { sleep } from '../async';
import { RollcallError } from '../errors';
import { type SearchAttributeName, searchAttributeTypes } from '../workflows/names';
import type { TemporalConnection } from './connection';

const attributeNames = Object.keys(searchAttributeTypes) as SearchAttributeName[];

/** By type: temporal.api.enums.v1.IndexedValueType, and a query that is valid for such an attribute. */
const attributeKinds = {
  KEYWORD: { valueType: 2, buildProbe: (name: SearchAttributeName) => `${name} = 'nothing'` },
  INT: { valueType: 3, buildProbe: (name: SearchAttributeName) => `${name} = -1` },
} as const;

/** gRPC's INVALID_ARGUMENT: the server's answer to a query with an unknown attribute. */
const invalidArgumentCode = 3;

/** The server accepted new attributes but does not know them yet. */
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
 * The search attributes of `sync` workflows that the server does not know. They are found by queries, which every server
 * answers; Temporal Cloud has no operator service that lists them. Throws gRPC's ServiceError when a query fails.
 */
export async function findMissingSearchAttributes(connection: TemporalConnection): Promise<SearchAttributeName[]> {
  if (await areKnown(connection, attributeNames)) return [];
  const known = await Promise.all(attributeNames.map((name) => areKnown(connection, [name])));
  return attributeNames.filter((_, index) => !known[index]);
}

/** Whether a run that starts now may set the attributes; false when the server does not answer. */
export async function knowsSearchAttributes(connection: TemporalConnection): Promise<boolean> {
  return areKnown(connection, attributeNames).catch(() => false);
}

/**
 * Registers the missing attributes and waits until the server knows them, which takes some seconds. Throws SearchAttributesPending after `timeoutMs`,
 * or gRPC's ServiceError when the server refuses: the permission is missing, or it is Temporal Cloud, where `tcld` or the UI
 * adds attributes.
 */
export async function addSearchAttributes(
  connection: TemporalConnection,
  { timeoutMs = 30_000, pollMs = 100 }: { timeoutMs?: number; pollMs?: number } = {},
): Promise<void> {
  const { native, namespace } = connection;
  const missing = await findMissingSearchAttributes(connection);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(
    missing.map((name) => [name, attributeKinds[searchAttributeTypes[name]].valueType]),
  );
  await native.operatorService.addSearchAttributes({ namespace, searchAttributes });
  const deadline = performance.now() + timeoutMs;
  while (!(await areKnown(connection, attributeNames))) {
    if (performance.now() > deadline) throw new SearchAttributesPending(missing);
    await sleep(pollMs);
  }
}

async function areKnown(
  { client, namespace }: TemporalConnection,
  requested: readonly SearchAttributeName[],
): Promise<boolean> {
  const query = requested.map((name) => attributeKinds[searchAttributeTypes[name]].buildProbe(name)).join(' AND ');
  try {
    await client.workflowService.countWorkflowExecutions({ namespace, query });
    return true;
  } catch (error) {
    if ((error as { code?: number }).code === invalidArgumentCode) return false;
    throw error;
  }
}
