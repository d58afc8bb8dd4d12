// The package's public API. See README.md.
export { type Emulator, type EmulatorOptions, startEmulator } from './server';

// What the tenant contains.
export { type ScenarioName, scenarios, type TenantScenario, type UserPopulation } from './scenario';
export { tenantStart } from './data/population';

// How it behaves.
export { readerScopes, secretScopes } from './settings';
export {
  type BucketGroup,
  type BucketLimit,
  type RateLimitPreset,
  rateLimitPresets,
  type RateLimits,
} from './rate-limits';
export { type Fault, type FaultKind } from './faults';
export { routes } from './routes/routes';

// How its data changes.
export { type ScriptedChange } from './data/churn';
export { EmulatedTenant } from './data/tenant';
export { type TenantChange } from './data/tenant-change';

// What a copy of it is compared with.
export { hashContent, type StreamKeys, truthReaders, type TruthStream, truthStreams } from './data/truth';
export { findSecrets } from './planted-secrets';
export { type Statistics } from './statistics';

// Reproducible random data for tests.
export { createDraws, pick } from './random';
