import type { Json, JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { listReader, organizationsReader, rolesReader } from '../streams/list-readers';
import { membersReader, type RoleDescriptions } from '../streams/members-reader';
import type { Reader } from '../streams/reader';
import { searchReader } from '../streams/search-reader';
import type { MembersTask, Task } from '../streams/task';

/** The reader of a task, with what earlier slices left for it in staging. */
export async function readerOf(task: Task, staging: Staging): Promise<Reader<Json>> {
  switch (task.kind) {
    case 'list':
      return listReader(task.stream);
    case 'organizations':
      return organizationsReader(task.emit);
    case 'search':
      return searchReader(task);
    case 'roles':
      return rolesReader();
    case 'members':
      return membersReader(task.streams, await organizationsOf(task, staging), await rolesOf(task, staging));
  }
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
