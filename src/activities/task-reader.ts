import type { Auth0Client } from '../auth0/client';
import { MissingScope } from '../auth0/errors';
import { toRouteTemplate } from '../auth0/request';
import type { Json, JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { createChildRecordReader } from '../streams/child-reader';
import type { ChildList, SideIndex } from '../streams/descriptor';
import { type ChildrenTask, deliveredIndexName, type FetchTask, matchesReadOptions } from '../streams/fetch-task';
import { createListReader, createParentsReader, createSideIndexReader } from '../streams/list-readers';
import { getStream } from '../streams/registry';
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
      return createListReader(getStream(task.stream));
    case 'parents':
      return createParentsReader(getStream(task.stream), task.emit);
    case 'search':
      return createSearchReader(task);
    case 'search-end':
      return createSearchEndReader(task);
    case 'side-index':
      return createSideIndexReader(requireSideIndex(task.stream));
    case 'children':
      await requireTokenScopes(task, client, signal);
      return createChildrenReader(task, staging);
  }
}

async function createChildrenReader(
  { streams, parents, sideIndex, readOptions }: ChildrenTask,
  staging: Staging,
): Promise<Reader<Json>> {
  const [stream = ''] = streams;
  const child = requireChildList(stream);
  const ids = await readIndex(parents.segment, staging);
  const indexes = sideIndex && (await Promise.all(sideIndex.map((segment) => readIndex(segment, staging))));
  const options = {
    streams,
    parents: ids.slice(parents.first, parents.first + parents.count).map(({ id }) => id as string),
    sideIndex: indexes?.flat(),
    readOptions,
  };
  return child.createReader?.(options) ?? createChildRecordReader(stream, child, options);
}

function requireChildList(stream: string): ChildList {
  const { child } = getStream(stream);
  if (!child) throw new Error(`stream ${stream} declares no child list`);
  return child;
}

function requireSideIndex(stream: string): SideIndex {
  const { sideIndex } = requireChildList(stream);
  if (!sideIndex) throw new Error(`stream ${stream} declares no side index`);
  return sideIndex;
}

/**
 * Fingerprints of the rows that a restarted list delivered before.
 * @param newest newest segment of its index of delivered rows
 */
export async function readDelivered(newest: Segment | undefined, staging: Staging): Promise<ReadonlySet<string>> {
  const fingerprints = new Set<string>();
  for (let segment = newest; segment;) {
    const lines = await readIndex(segment, staging);
    for (const { fingerprint } of lines) if (fingerprint !== undefined) fingerprints.add(fingerprint as string);
    segment = lines[0]?.['before'] as Segment | undefined;
  }
  return fingerprints;
}

/** First line of a segment of the index of delivered rows: a link to the segment before it. */
export function createLinkOutput(previous: Segment): ReaderOutput {
  return { stream: deliveredIndexName, data: { before: { ...previous } } };
}

/** See ChildList.tokenScopes. */
async function requireTokenScopes(
  { streams, readOptions }: ChildrenTask,
  client: Auth0Client,
  signal: AbortSignal,
): Promise<void> {
  for (const stream of streams) {
    const { request, tokenScopes } = requireChildList(stream);
    if (!tokenScopes || !matchesReadOptions(tokenScopes.when, readOptions)) continue;
    const granted = await client.getScopes({ signal });
    const missing = tokenScopes.scopes.filter((scope) => granted?.includes(scope) === false);
    if (missing.length > 0) throw new MissingScope(`GET ${toRouteTemplate(request('', {}).path)}`, missing);
  }
}

/** The data of the lines of an index, which have the format of records. */
async function readIndex(segment: Segment, staging: Staging): Promise<JsonObject[]> {
  const lines = (await staging.readValues(segment)) as unknown as StagedRecord[];
  return lines.map(({ data }) => data);
}
