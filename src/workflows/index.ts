export { parentWorkflow } from './parent-reader';
export { scheduledSyncWorkflow } from './scheduled';
export { streamWorkflow } from './stream';
export { syncWorkflow } from './sync';
