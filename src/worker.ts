export { runWorker } from './app/worker';
