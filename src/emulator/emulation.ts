import { type Arrivals, createArrivals } from './arrivals';
import { type BucketReading, type Buckets, createBuckets } from './buckets';
import { type Checkpoints, createCheckpoints, PLAIN, SEALED } from './checkpoints';
import { type Churn, type ChurnPlan, createChurn } from './churn';
import { createFaultPlan, type Fault, type FaultPlan } from './faults';
import { createKeyHistory, type KeyHistory } from './key-history';
import { RATE_LIMIT_PRESETS, type RateLimitPreset, type RateLimits } from './rate-limits';
import type { Scenario } from './scenario';
import { DEFAULT_SETTINGS, type Settings } from './settings';
import { createStatistics, type StatisticsKeeper } from './statistics';
import { Tenant } from './tenant';
import { UserSearch } from './user-search';

export interface EmulationOptions extends Omit<Partial<Settings>, 'rateLimits'> {
  /** Default `unlimited`. */
  rateLimits?: RateLimitPreset | RateLimits;
  /** Default none. */
  faults?: readonly Fault[];
  /** What happens to the tenant's data while it is read. Default nothing. */
  churn?: Churn;
  /** Epoch ms. Default the machine's clock. */
  now?: () => number;
}

/** A change of settings while the emulator runs; what is not named stays. */
export type SettingsPatch = Pick<EmulationOptions, keyof Settings>;

/** What the routes answer from: the tenant and how it behaves. */
export interface Emulation {
  seed: number;
  tenant: Tenant;
  search: UserSearch;
  settings: Settings;
  checkpoints: { organizations: Checkpoints; members: Checkpoints; clients: Checkpoints };
  statistics: StatisticsKeeper;
  buckets: Buckets;
  /** How the charged buckets stood at the last answers, oldest first. */
  pastReadings: BucketReading[];
  faults: FaultPlan;
  churn: ChurnPlan;
  arrivals: Arrivals;
  keyHistory: KeyHistory;
  now: () => number;
}

export function createEmulation(scenario: Scenario, options: EmulationOptions): Emulation {
  const { rateLimits = 'unlimited', faults = [], churn = {}, now = Date.now, ...given } = options;
  const settings: Settings = { ...DEFAULT_SETTINGS, ...given, rateLimits: resolveLimits(rateLimits) };
  const seed = scenario.seed ?? 1;
  const tenant = new Tenant(scenario, now);
  const { users, memberships, organizations } = tenant;
  const statistics = createStatistics(now);
  const lifeMs = (): number => settings.checkpointSeconds * 1_000;
  return {
    seed,
    tenant,
    search: new UserSearch(users, memberships, organizations, now, () => settings.searchLagMs),
    settings,
    checkpoints: {
      organizations: createCheckpoints(PLAIN, now, lifeMs),
      members: createCheckpoints(PLAIN, now, lifeMs),
      clients: createCheckpoints(SEALED, now, lifeMs),
    },
    statistics,
    buckets: createBuckets(settings.rateLimits),
    pastReadings: [],
    faults: createFaultPlan(faults, seed),
    churn: createChurn(churn, tenant, seed),
    arrivals: createArrivals(() => statistics.read().requests),
    keyHistory: createKeyHistory(tenant, () => new Tenant(scenario, now)),
    now,
  };
}

export function changeSettings(emulation: Emulation, { rateLimits, ...patch }: SettingsPatch): void {
  Object.assign(emulation.settings, patch);
  if (rateLimits === undefined) return;
  emulation.settings.rateLimits = resolveLimits(rateLimits);
  emulation.buckets.change(emulation.settings.rateLimits, emulation.now());
}

export function changeFaults(emulation: Emulation, faults: readonly Fault[]): void {
  emulation.faults = createFaultPlan(faults, emulation.seed);
}

function resolveLimits(limits: RateLimitPreset | RateLimits): RateLimits {
  return typeof limits === 'string' ? RATE_LIMIT_PRESETS[limits] : limits;
}
