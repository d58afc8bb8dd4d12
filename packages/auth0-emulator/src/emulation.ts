import { type ChurnDriver, type ChurnOptions, createChurnDriver } from './data/churn';
import { EmulatedTenant } from './data/tenant';
import { createKeyHistory, type KeyHistory } from './data/truth';
import { createFaultInjector, type Fault, type FaultInjector } from './faults';
import { type CheckpointTokens, createCheckpointTokens, plainTokenFormat, sealedTokenFormat } from './query/paging';
import { UserSearch } from './query/user-search';
import { rateLimitPresets, type RateLimitPreset, type RateLimits } from './rate-limits';
import { createRequestCallbacks, type RequestCallbacks } from './request-callbacks';
import type { TenantScenario } from './scenario';
import { defaultSettings, type TenantSettings } from './settings';
import { createStatisticsRecorder, type StatisticsRecorder } from './statistics';
import { type BucketLevel, createTenantBuckets, type TenantBuckets } from './tenant-buckets';

export interface EmulationOptions extends Omit<Partial<TenantSettings>, 'rateLimits'> {
  /** Default `unlimited`. */
  rateLimits?: RateLimitPreset | RateLimits;
  /** Default none. */
  faults?: readonly Fault[];
  /** Changes to the tenant's data while it is read. Default none. */
  churn?: ChurnOptions;
  /** Clock, epoch ms. Default Date.now. */
  now?: () => number;
}

/** Settings to change while the emulator runs. The others stay. */
export type SettingsPatch = Pick<EmulationOptions, keyof TenantSettings>;

/** The tenant and its behaviour, which the routes read. */
export interface Emulation {
  seed: number;
  tenant: EmulatedTenant;
  search: UserSearch;
  settings: TenantSettings;
  checkpoints: { organizations: CheckpointTokens; members: CheckpointTokens; clients: CheckpointTokens };
  statistics: StatisticsRecorder;
  buckets: TenantBuckets;
  /** Levels of the charged buckets at the last responses, oldest first. */
  pastLevels: BucketLevel[];
  faults: FaultInjector;
  churn: ChurnDriver;
  requestCallbacks: RequestCallbacks;
  keyHistory: KeyHistory;
  now: () => number;
}

export function createEmulation(scenario: TenantScenario, options: EmulationOptions): Emulation {
  const { rateLimits = 'unlimited', faults = [], churn = {}, now = Date.now, ...given } = options;
  const settings: TenantSettings = { ...defaultSettings, ...given, rateLimits: resolveRateLimits(rateLimits) };
  const seed = scenario.seed ?? 1;
  const tenant = new EmulatedTenant(scenario, now);
  const { users, memberships, organizations } = tenant;
  const statistics = createStatisticsRecorder(now);
  const readLifetimeMs = (): number => settings.checkpointLifetimeSeconds * 1_000;
  return {
    seed,
    tenant,
    search: new UserSearch({ users, memberships, organizations, now, readLagMs: () => settings.searchLagMs }),
    settings,
    checkpoints: {
      organizations: createCheckpointTokens(plainTokenFormat, now, readLifetimeMs),
      members: createCheckpointTokens(plainTokenFormat, now, readLifetimeMs),
      clients: createCheckpointTokens(sealedTokenFormat, now, readLifetimeMs),
    },
    statistics,
    buckets: createTenantBuckets(settings.rateLimits),
    pastLevels: [],
    faults: createFaultInjector(faults, seed),
    churn: createChurnDriver(churn, tenant, seed),
    requestCallbacks: createRequestCallbacks(() => statistics.read().requests),
    keyHistory: createKeyHistory(tenant, () => new EmulatedTenant(scenario, now)),
    now,
  };
}

export function updateSettings(emulation: Emulation, { rateLimits, ...patch }: SettingsPatch): void {
  Object.assign(emulation.settings, patch);
  if (rateLimits === undefined) return;
  emulation.settings.rateLimits = resolveRateLimits(rateLimits);
  emulation.buckets.updateLimits(emulation.settings.rateLimits, emulation.now());
}

export function replaceFaults(emulation: Emulation, faults: readonly Fault[]): void {
  emulation.faults = createFaultInjector(faults, emulation.seed);
}

function resolveRateLimits(limits: RateLimitPreset | RateLimits): RateLimits {
  return typeof limits === 'string' ? rateLimitPresets[limits] : limits;
}
