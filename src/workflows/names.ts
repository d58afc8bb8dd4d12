/** Type of the failure by which a workflow says that it did not copy everything; its details hold the results. */
export const incompleteFailureType = 'Incomplete';

/** Name of the query that every workflow answers with where it stands, and of the signal by which children tell that. */
export const progressName = 'progress';

/** Names of the update by which people pause a run, and of the signal that passes it on. */
export const pauseName = 'pause';
/** Likewise, to go on. */
export const resumeName = 'resume';

/**
 * What `sync` workflows can be searched by, in Temporal's UI and with `temporal workflow list`, and of which types that is.
 * A server has to know them beforehand (see temporal/search-attributes.ts).
 */
export const searchAttributeTypes = {
  /** The connection's name. */
  RollcallConnection: 'KEYWORD',
  /** `running`, `paused`, `complete`, `partial`, `failed` or `cancelled`. */
  RollcallStatus: 'KEYWORD',
  /** `full` when everything is read again, else `incremental`. */
  RollcallMode: 'KEYWORD',
  /** Records at the destination, as far as the streams have told. */
  RollcallRows: 'INT',
} as const;

/** Name of the workflow that schedules start. */
export const scheduledSyncWorkflowName = 'scheduledSyncWorkflow';
