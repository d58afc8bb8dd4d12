import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { SyncInput, SyncResult } from './contract';
import type { searchAttributeTypes } from './names';

type Name = keyof typeof searchAttributeTypes;

const keyword = (name: Name) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const connectionKey = keyword('RollcallConnection');
const statusKey = keyword('RollcallStatus');
const modeKey = keyword('RollcallMode');
const rowsKey = defineSearchAttributeKey('RollcallRows' satisfies Name, SearchAttributeType.INT);

/** See RollcallStatus in names.ts. */
export type SearchedStatus = 'running' | 'paused' | 'cancelled' | SyncResult['status'];

interface Standing {
  status: SearchedStatus;
  rows: number;
}

/** What a run is searched by. */
export interface SearchedRun {
  /** Does nothing when nothing has changed. */
  tell(standing: Partial<Standing>): void;
}

/**
 * Sets the attributes, if the run's starter has found that the server knows them: to set one that it does not know would
 * make the workflow stand still. Each change is an event of the history, so they follow what streams tell now and then, not pages.
 */
export function beginSearched({ connection, full, searchAttributes }: SyncInput): SearchedRun {
  if (!searchAttributes) return { tell: () => undefined };
  let told: Standing = { status: 'running', rows: 0 };
  upsertSearchAttributes([
    { key: connectionKey, value: connection },
    { key: modeKey, value: full ? 'full' : 'incremental' },
    { key: statusKey, value: told.status },
    { key: rowsKey, value: told.rows },
  ]);
  return {
    tell(standing) {
      const { status, rows } = { ...told, ...standing };
      if (status === told.status && rows === told.rows) return;
      upsertSearchAttributes([
        ...(status === told.status ? [] : [{ key: statusKey, value: status }]),
        ...(rows === told.rows ? [] : [{ key: rowsKey, value: rows }]),
      ]);
      told = { status, rows };
    },
  };
}
