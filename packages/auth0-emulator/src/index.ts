export { type ScriptedChange } from './data/churn';
export { tenantStart } from './data/population';
export { EmulatedTenant } from './data/tenant';
export { type TenantChange } from './data/tenant-change';
export { type StreamKeys, truthReaders, truthStreams, type TruthStream, hashContent } from './data/truth';
export { type Fault, type FaultKind } from './faults';
export { findSecrets } from './planted-secrets';
export { createDraws, pick } from './random';
export {
  type BucketGroup,
  type BucketLimit,
  rateLimitPresets,
  type RateLimitPreset,
  type RateLimits,
} from './rate-limits';
export { routes } from './routes/routes';
export { scenarios, type ScenarioName, type TenantScenario, type UserPopulation } from './scenario';
export { type Emulator, type EmulatorOptions, startEmulator } from './server';
export { readerScopes, secretScopes } from './settings';
export { type Statistics } from './statistics';
