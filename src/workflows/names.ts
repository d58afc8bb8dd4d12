/** The id of a connection's `sync` workflow: one runs at a time. */
export function toWorkflowId(connection: string): string {
  return `sync/${connection}`;
}

/** What the Temporal UI shows of a `sync` workflow. */
export function describeSync(connection: string, streams: readonly { name: string }[]): SyncDescription {
  return {
    staticSummary: `${connection}: ${streams.length} streams`,
    staticDetails: streams.map(({ name }) => `- ${name}`).join('\n'),
  };
}

interface SyncDescription {
  staticSummary: string;
  staticDetails: string;
}

/** Name of the query that every workflow answers with its progress, and of the signal with which children report it. */
export const progressName = 'progress';

/** Names of the updates with which users pause and resume a run, and of the signals that pass them on. */
export const pauseName = 'pause';
export const resumeName = 'resume';

/**
 * Search attributes of `sync` workflows, in Temporal's UI and with `temporal workflow list`, and their types. A server must
 * know them beforehand (see temporal/register-search-attributes.ts).
 */
export const searchAttributeTypes = {
  /** The connection's name. */
  RollcallConnection: 'KEYWORD',
  /** `running`, `paused`, `complete`, `partial`, `failed` or `cancelled`. */
  RollcallStatus: 'KEYWORD',
  /** `full` when everything is read, else `incremental`. */
  RollcallMode: 'KEYWORD',
  /** Records at the destination, as far as reported. */
  RollcallRows: 'INT',
} as const;

export type SearchAttributeName = keyof typeof searchAttributeTypes;

/** Name of the workflow that schedules start. */
export const scheduledSyncWorkflowName = 'scheduledSyncWorkflow';
