import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { SyncInput, SyncResult } from './contract';
import type { searchAttributeTypes } from './names';

type SearchAttributeName = keyof typeof searchAttributeTypes;

const defineKeywordKey = (name: SearchAttributeName) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const connectionKey = defineKeywordKey('RollcallConnection');
const statusKey = defineKeywordKey('RollcallStatus');
const modeKey = defineKeywordKey('RollcallMode');
const rowsKey = defineSearchAttributeKey('RollcallRows' satisfies SearchAttributeName, SearchAttributeType.INT);

/** See RollcallStatus in names.ts. */
export type SearchableStatus = 'running' | 'paused' | 'cancelled' | SyncResult['status'];

interface SearchAttributeValues {
  status: SearchableStatus;
  records: number;
}

/** What a run is searched by. */
export interface SearchAttributePublisher {
  /** Does nothing when nothing has changed. */
  publish(standing: Partial<SearchAttributeValues>): void;
}

/**
 * Sets the attributes, if the run's starter has found that the server knows them: to set one that it does not know would
 * make the workflow stand still. Each change is an event of the history, so they follow what streams tell now and then, not pages.
 */
export function createSearchAttributePublisher({
  connection,
  full,
  searchAttributes,
}: SyncInput): SearchAttributePublisher {
  if (!searchAttributes) return { publish: () => undefined };
  let told: SearchAttributeValues = { status: 'running', records: 0 };
  upsertSearchAttributes([
    { key: connectionKey, value: connection },
    { key: modeKey, value: full ? 'full' : 'incremental' },
    { key: statusKey, value: told.status },
    { key: rowsKey, value: told.records },
  ]);
  return {
    publish(standing) {
      const { status, records } = { ...told, ...standing };
      if (status === told.status && records === told.records) return;
      upsertSearchAttributes([
        ...(status === told.status ? [] : [{ key: statusKey, value: status }]),
        ...(records === told.records ? [] : [{ key: rowsKey, value: records }]),
      ]);
      told = { status, records };
    },
  };
}
