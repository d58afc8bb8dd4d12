import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { SyncInput, SyncResult } from './contract';
import type { SearchAttributeName } from './names';

const defineKeywordKey = (name: SearchAttributeName) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const connectionKey = defineKeywordKey('RollcallConnection');
const statusKey = defineKeywordKey('RollcallStatus');
const modeKey = defineKeywordKey('RollcallMode');
const rowsKey = defineSearchAttributeKey('RollcallRows' satisfies SearchAttributeName, SearchAttributeType.INT);

/** Values of RollcallStatus. */
export type SearchableStatus = 'running' | 'paused' | 'cancelled' | SyncResult['status'];

interface SearchAttributeValues {
  status: SearchableStatus;
  records: number;
}

/** Publishes a run's search attributes. */
export interface SearchAttributePublisher {
  /** Does nothing when nothing has changed. */
  publish(changes: Partial<SearchAttributeValues>): void;
}

/**
 * Sets the attributes if the server knows them: an unknown attribute would block the workflow. Each change is an event of
 * the history, so changes follow the children's reports, not pages.
 */
export function createSearchAttributePublisher({
  connection,
  full,
  searchAttributes,
}: SyncInput): SearchAttributePublisher {
  if (!searchAttributes) return { publish: () => undefined };
  let published: SearchAttributeValues = { status: 'running', records: 0 };
  upsertSearchAttributes([
    { key: connectionKey, value: connection },
    { key: modeKey, value: full ? 'full' : 'incremental' },
    { key: statusKey, value: published.status },
    { key: rowsKey, value: published.records },
  ]);
  return {
    publish(changes) {
      const { status, records } = { ...published, ...changes };
      if (status === published.status && records === published.records) return;
      upsertSearchAttributes([
        ...(status === published.status ? [] : [{ key: statusKey, value: status }]),
        ...(records === published.records ? [] : [{ key: rowsKey, value: records }]),
      ]);
      published = { status, records };
    },
  };
}
