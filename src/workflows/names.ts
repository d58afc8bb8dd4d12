/** Type of the failure by which a workflow says that it did not copy everything; its details hold the results. */
export const incompleteType = 'Incomplete';

/** Name of the query that every workflow answers with where it stands. */
export const progressName = 'progress';
