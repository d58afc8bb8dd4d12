/** Type of the failure by which a workflow says that it did not copy everything; its details hold the results. */
export const incompleteType = 'Incomplete';

/** Name of the query that every workflow answers with where it stands. */
export const progressName = 'progress';

/** Names of the update by which people pause a run, and of the signal that passes it on. */
export const pauseName = 'pause';
/** Likewise, to go on. */
export const resumeName = 'resume';
