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

/** The reader of a task, with what earlier slices left for it in staging. */
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
 * What a list that was begun again has delivered before.
 * @param newest segment of its deliveredIndex
 */
export async function readDelivered(newest: Segment | undefined, staging: Staging): Promise<ReadonlySet<string>> {
  const prints = new Set<string>();
  for (let segment = newest; segment;) {
    const lines = await readIndex(segment, staging);
    for (const { print } of lines) if (print !== undefined) prints.add(print as string);
    segment = lines[0]?.['before'] as Segment | undefined;
  }
  return prints;
}

/** The first line of a segment of deliveredIndex. */
export function createLinkOutput(previous: Segment): ReaderOutput {
  return { stream: deliveredIndexName, data: { before: { ...previous } } };
}

/** Whether Auth0 refuses roles without their scope, or leaves them out in silence, is not known. The token tells. */
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

/** Index lines have the shape of records; what matters is their data. */
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
