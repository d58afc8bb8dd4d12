export { type ScriptedChange } from './data/churn';
export { TENANT_START } from './data/population';
export { EmulatedTenant } from './data/tenant';
export { type TenantChange } from './data/tenant-change';
export { type StreamKeys, TRUTH_READERS, TRUTH_STREAMS, type TruthStream, hashContent } from './data/truth';
export { type Fault, type FaultKind } from './faults';
export { findSecrets } from './planted-secrets';
export { createDraws, pick } from './random';
export {
  type BucketGroup,
  type BucketLimit,
  RATE_LIMIT_PRESETS,
  type RateLimitPreset,
  type RateLimits,
} from './rate-limits';
export { ROUTES } from './routes/routes';
export { SCENARIOS, type ScenarioName, type TenantScenario, type UserPopulation } from './scenario';
export { type Emulator, type EmulatorOptions, startEmulator } from './server';
export { READER_SCOPES, SECRET_SCOPES } from './settings';
export { type Statistics } from './statistics';
