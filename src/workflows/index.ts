export { organizationsWorkflow } from './organizations';
export { streamWorkflow } from './stream';
export { syncWorkflow } from './sync';
