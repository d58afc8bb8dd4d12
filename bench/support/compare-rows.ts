import type { JsonObject } from '../../src/json';

/** A row that a reader wrote. */
export interface Row {
  stream: string;
  data: JsonObject;
}

/** Keys by stream, each a list of field names. */
export type PrimaryKeys = Record<string, string[]>;

/** Parses the lines of a reader's output. Lines that are not JSON are left out: a kill cuts the last one short. */
export function parseMessages(output: string): JsonObject[] {
  return output.split('\n').flatMap((line) => {
    try {
      return line.startsWith('{') ? [JSON.parse(line) as JsonObject] : [];
    } catch {
      return [];
    }
  });
}

/** Rows in the RECORD messages of an Airbyte source, or in the lines of a loop, which have no `type`. */
export function readRows(messages: readonly JsonObject[]): Row[] {
  return messages
    .filter(({ type }) => type === undefined || type === 'RECORD')
    .map((message) => (message['record'] ?? message) as unknown as Row);
}

/** The newest STATE message of each stream, as a platform stores it. */
export function lastStates(messages: readonly JsonObject[]): JsonObject[] {
  const states = new Map<string, JsonObject>();
  for (const { type, state } of messages) {
    if (type !== 'STATE') continue;
    const { stream } = state as { stream: { stream_descriptor: { name: string } } };
    states.set(stream.stream_descriptor.name, state as JsonObject);
  }
  return [...states.values()];
}

/** How the rows of one or more runs compare with those of the tenant. */
export interface RowCount {
  /** Rows of the tenant. */
  expected: number;
  /** Rows of the tenant that are in the output. */
  delivered: number;
  /** Rows in the output beyond those: delivered again. */
  repeated: number;
  lostByStream: Record<string, number>;
}

const identities: Record<string, string> = {
  clients: 'client_id',
  users: 'user_id',
  organizations: 'id',
  organization_members: 'user_id',
  organization_member_roles: 'id',
};

/**
 * Compares rows by what every reader's rows contain: a member's row by its user and a role's row by its role, because
 * the rows of Airbyte's connector name neither organization nor member. A tenant has several rows of one user or role,
 * and as many must be delivered.
 */
export function countRows(tenant: readonly Row[], delivered: readonly Row[]): RowCount {
  const expected = tally(tenant);
  const got = tally(delivered);
  const count: RowCount = { expected: tenant.length, delivered: 0, repeated: 0, lostByStream: {} };
  for (const [key, due] of expected) {
    const found = Math.min(due, got.get(key) ?? 0);
    count.delivered += found;
    const stream = key.slice(0, key.indexOf(' '));
    if (found < due) count.lostByStream[stream] = (count.lostByStream[stream] ?? 0) + due - found;
  }
  count.repeated = delivered.length - count.delivered;
  return count;
}

function tally(rows: readonly Row[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { stream, data } of rows) {
    const key = `${stream} ${JSON.stringify(data[identities[stream] ?? ''] ?? null)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Counts the rows that a destination has after it removed duplicates by primary key. */
export function countDistinct(rows: readonly Row[], keys: PrimaryKeys): number {
  const distinct = new Set(
    rows.map(({ stream, data }) =>
      JSON.stringify([stream, ...(keys[stream] ?? []).map((field) => data[field] ?? null)]),
    ),
  );
  return distinct.size;
}
