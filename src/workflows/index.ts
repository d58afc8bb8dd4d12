export { organizationsWorkflow } from './organizations';
export { scheduledSyncWorkflow } from './scheduled';
export { streamWorkflow } from './stream';
export { syncWorkflow } from './sync';
