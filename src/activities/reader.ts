import type { Auth0Client } from '../auth0/client';
import { MissingScope } from '../auth0/errors';
import type { Json, JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { listReader, organizationsReader, rolesReader } from '../streams/list-readers';
import { membersReader, type RoleDescriptions } from '../streams/members-reader';
import type { Output, Reader } from '../streams/reader';
import { searchEndReader, searchReader } from '../streams/search-reader';
import { deliveredIndex, type MembersTask, type Task } from '../streams/task';

/** The reader of a task, with what earlier slices left for it in staging. */
export async function readerOf(
  task: Task,
  staging: Staging,
  client: Auth0Client,
  signal: AbortSignal,
): Promise<Reader<Json>> {
  switch (task.kind) {
    case 'list':
      return listReader(task.stream);
    case 'organizations':
      return organizationsReader(task.emit);
    case 'search':
      return searchReader(task);
    case 'search-end':
      return searchEndReader(task);
    case 'roles':
      return rolesReader();
    case 'members':
      await demandRolesScope(task, client, signal);
      return membersReader({
        ...task,
        organizations: await organizationsOf(task, staging),
        descriptions: await rolesOf(task, staging),
      });
  }
}

/**
 * What a list that was begun again has delivered before.
 * @param newest segment of its deliveredIndex
 */
export async function deliveredOf(newest: Segment | undefined, staging: Staging): Promise<ReadonlySet<string>> {
  const prints = new Set<string>();
  for (let segment = newest; segment;) {
    const lines = await indexOf(segment, staging);
    for (const { print } of lines) if (print !== undefined) prints.add(print as string);
    segment = lines[0]?.['before'] as Segment | undefined;
  }
  return prints;
}

/** The first line of a segment of deliveredIndex. */
export function linkOutput(before: Segment): Output {
  return { stream: deliveredIndex, data: { before: { ...before } } };
}

/** Whether Auth0 refuses roles without their scope, or leaves them out in silence, is not known. The token tells. */
async function demandRolesScope(
  { streams, rolesSource }: MembersTask,
  client: Auth0Client,
  signal: AbortSignal,
): Promise<void> {
  const scope = 'read:organization_member_roles';
  if (rolesSource !== 'inline' || !streams.includes('organization_member_roles')) return;
  const granted = await client.scopes({ signal });
  if (granted && !granted.includes(scope)) throw new MissingScope('GET organizations/{id}/members', [scope]);
}

/** Index lines have the shape of records; what matters is their data. */
async function indexOf(segment: Segment, staging: Staging): Promise<JsonObject[]> {
  const lines = (await staging.values(segment)) as unknown as StagedRecord[];
  return lines.map(({ data }) => data);
}

async function organizationsOf({ organizations }: MembersTask, staging: Staging): Promise<string[]> {
  const { segment, first, count } = organizations;
  const index = await indexOf(segment, staging);
  return index.slice(first, first + count).map(({ id }) => id as string);
}

async function rolesOf({ roles }: MembersTask, staging: Staging): Promise<RoleDescriptions | undefined> {
  if (!roles) return undefined;
  const indexes = await Promise.all(roles.map((segment) => indexOf(segment, staging)));
  return new Map(indexes.flat().map(({ id, description }) => [id as string, description as string | null]));
}
