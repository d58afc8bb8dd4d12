import type { Auth0Client } from '../auth0/client';
import { MissingScope } from '../auth0/errors';
import type { Json, JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { deliveredIndexName, type FetchTask, type MembersTask } from '../streams/fetch-task';
import { createListReader, createOrganizationsReader, createRolesReader } from '../streams/list-readers';
import { createMembersReader, type RoleDescriptions } from '../streams/members-reader';
import { createSearchEndReader, createSearchReader } from '../streams/search-reader';
import type { Reader, ReaderOutput } from '../streams/stream-reader';

/** Creates the reader of a task, with the indexes that earlier fetches wrote to staging. */
export async function createTaskReader(
  task: FetchTask,
  staging: Staging,
  client: Auth0Client,
  signal: AbortSignal,
): Promise<Reader<Json>> {
  switch (task.kind) {
    case 'list':
      return createListReader(task.stream);
    case 'organizations':
      return createOrganizationsReader(task.emit);
    case 'search':
      return createSearchReader(task);
    case 'search-end':
      return createSearchEndReader(task);
    case 'roles':
      return createRolesReader();
    case 'members':
      await requireRolesScope(task, client, signal);
      return createMembersReader({
        ...task,
        organizations: await readOrganizationIds(task, staging),
        descriptions: await readRoleDescriptions(task, staging),
      });
  }
}

/**
 * Fingerprints of the rows that a restarted list delivered before.
 * @param newest newest segment of its index of delivered rows
 */
export async function readDelivered(newest: Segment | undefined, staging: Staging): Promise<ReadonlySet<string>> {
  const fingerprints = new Set<string>();
  for (let segment = newest; segment;) {
    const lines = await readIndex(segment, staging);
    for (const { print } of lines) if (print !== undefined) fingerprints.add(print as string);
    segment = lines[0]?.['before'] as Segment | undefined;
  }
  return fingerprints;
}

/** First line of a segment of the index of delivered rows: a link to the segment before it. */
export function createLinkOutput(previous: Segment): ReaderOutput {
  return { stream: deliveredIndexName, data: { before: { ...previous } } };
}

/** It is unknown whether Auth0 rejects a request for roles without the scope or omits the roles, so the token is checked. */
async function requireRolesScope(
  { streams, rolesSource }: MembersTask,
  client: Auth0Client,
  signal: AbortSignal,
): Promise<void> {
  const scope = 'read:organization_member_roles';
  if (rolesSource !== 'inline' || !streams.includes('organization_member_roles')) return;
  const granted = await client.getScopes({ signal });
  if (granted && !granted.includes(scope)) throw new MissingScope('GET organizations/{id}/members', [scope]);
}

/** The data of the lines of an index, which have the format of records. */
async function readIndex(segment: Segment, staging: Staging): Promise<JsonObject[]> {
  const lines = (await staging.readValues(segment)) as unknown as StagedRecord[];
  return lines.map(({ data }) => data);
}

async function readOrganizationIds({ organizations }: MembersTask, staging: Staging): Promise<string[]> {
  const { segment, first, count } = organizations;
  const index = await readIndex(segment, staging);
  return index.slice(first, first + count).map(({ id }) => id as string);
}

async function readRoleDescriptions({ roles }: MembersTask, staging: Staging): Promise<RoleDescriptions | undefined> {
  if (!roles) return undefined;
  const indexes = await Promise.all(roles.map((segment) => readIndex(segment, staging)));
  return new Map(indexes.flat().map(({ id, description }) => [id as string, description as string | null]));
}
