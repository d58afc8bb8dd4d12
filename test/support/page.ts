import type { ListRequest, Page } from '../../src/auth0/request';
import type { JsonObject } from '../../src/json';
import { emptyLookupResults } from '../../src/streams/fetch-task';
import type { Reader, ReaderContext, ReaderOutput } from '../../src/streams/stream-reader';

/** Nothing delivered before, nothing looked up. */
export const nothingKnown: ReaderContext = { delivered: new Set(), lookupResults: emptyLookupResults };

/** The answer to a request, as the client hands it on. */
export function pageOf(rows: JsonObject[], about: Partial<Page> = {}): Page {
  return { rows, isBareArray: false, bytes: 1, respondedAt: Date.parse('2026-03-01T12:00:00.400Z'), ...about };
}

/** Reads to the end from scripted answers; the cursor goes through JSON after every page, as in a heartbeat. */
export function readAll<Cursor>(
  reader: Reader<Cursor>,
  answer: (request: ListRequest) => Page,
  known = nothingKnown,
): { outputs: ReaderOutput[]; requests: ListRequest[]; cursors: Cursor[] } {
  const read = { outputs: [] as ReaderOutput[], requests: [] as ListRequest[], cursors: [] as Cursor[] };
  let cursor = reader.start();
  for (let request = reader.next(cursor); request; request = reader.next(cursor)) {
    if (read.requests.length > 50) throw new Error('the reader does not come to an end');
    read.requests.push(request);
    const step = reader.advance(cursor, answer(request), known);
    read.outputs.push(...step.outputs);
    cursor = JSON.parse(JSON.stringify(step.cursor)) as Cursor;
    read.cursors.push(cursor);
  }
  return read;
}
