import { createDraws, pick, type TenantScenario } from 'auth0-emulator';

/** What a fault can affect. */
export const targets = ['worker', 'cli', 'server', 'emulator', 'postgres', 'disk'] as const;
export type Target = (typeof targets)[number];

/** When a fault is injected: `nth` counts from the end of the previous fault, or from the start of the sync. */
export type Moment =
  | { at: 'instant'; afterMs: number }
  /** The tenant's nth request: before it is forwarded, before its response is, or after. */
  | { at: 'request' | 'response' | 'answered'; nth: number }
  /** The nth chunk of data that is sent to the server: before it is forwarded, or after. */
  | { at: 'temporal' | 'postgres'; nth: number; when: 'before' | 'after' }
  /** The nth change of a file of this kind. */
  | { at: 'segment' | 'records' | 'manifest' | 'state'; nth: number };

export type Fault =
  /** SIGKILL or SIGTERM; a supervisor restarts the worker. */
  | { target: 'worker'; how: 'SIGKILL' | 'SIGTERM'; worker: number; forMs: number }
  /** SIGSTOP for longer than the heartbeat timeout, then SIGCONT. */
  | { target: 'worker'; how: 'freeze'; worker: number; forMs: number }
  /** SIGKILL; the same command runs again. */
  | { target: 'cli'; how: 'SIGKILL'; forMs: number }
  | { target: 'server'; how: 'SIGKILL'; forMs: number }
  | { target: 'emulator'; how: 'refuse'; forMs: number }
  | { target: 'postgres'; how: 'restart' | 'terminate' }
  | { target: 'disk'; how: 'denied' | 'full'; where: 'staging' | 'destination'; forMs: number };

/** One run; its seed determines everything. */
export interface Plan {
  seed: number;
  target: Target;
  destination: 'files' | 'postgres';
  /** Worker processes; 0: the command starts its own server and worker. */
  workers: 0 | 1 | 2;
  heartbeatSeconds: number;
  fetchPages: number;
  fetchSeconds: number;
  latencyMs: number;
  tenant: TenantScenario;
  /** Changes to users during the sync. */
  changesPerSecond: number;
  faults: { moment: Moment; fault: Fault }[];
}

/** Consecutive seeds use them in turn. */
const targetOrder = [
  'worker',
  'server',
  'worker',
  'cli',
  'emulator',
  'postgres',
  'worker',
  'disk',
  'worker',
  'cli',
] as const;

/** Reproducible random choices. */
export interface Chance {
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  of<T>(list: readonly T[]): T;
}

export function createChance(seed: number, salt: number): Chance {
  const draw = createDraws(seed, salt, 0);
  return {
    between: (least, most) => least + (draw() % (most - least + 1)),
    of: (list) => pick(list, draw()),
  };
}

/** @param only the target, instead of the one that the seed determines */
export function planRun(seed: number, only?: Target): Plan {
  const chance = createChance(seed, 201);
  const target = only ?? pick(targetOrder, seed);
  const destination =
    target === 'postgres' ? 'postgres' : target === 'disk' ? 'files' : chance.of(['files', 'postgres'] as const);
  const workers = target === 'cli' && chance.between(0, 2) > 0 ? 0 : chance.of([1, 2, 2] as const);
  const heartbeatSeconds = chance.of([2, 3]);
  const facts = { target, destination, workers, heartbeatSeconds } as const;
  return {
    seed,
    ...facts,
    fetchPages: chance.between(2, 6),
    fetchSeconds: chance.of([0.3, 0.6, 1.5]),
    latencyMs: chance.between(60, 140),
    tenant: createTenant(seed, chance),
    changesPerSecond: chance.of([0, 4, 12]),
    faults: keepOneLongOutage(
      Array.from({ length: countFaults(target, chance) }, () => ({
        moment: chooseMoment(facts, chance),
        fault: chooseFault(facts, chance),
      })),
    ),
  };
}

/** For a stream without a response yet, consecutive outages are one outage: only the first long one stays. */
function keepOneLongOutage(faults: Plan['faults']): Plan['faults'] {
  const isLong = ({ fault }: Plan['faults'][0]): boolean => fault.target === 'emulator' && fault.forMs === longOutageMs;
  const first = faults.findIndex(isLong);
  return faults.filter((each, nth) => !isLong(each) || nth === first);
}

/** As long as an outage of a tenant may last before its first response. */
const longOutageMs = 20_000;

/** Outages take long; a kill is quick. */
function countFaults(target: Target, chance: Chance): number {
  return target === 'emulator' || target === 'disk' ? chance.between(1, 2) : chance.between(2, 5);
}

function createTenant(seed: number, chance: Chance): TenantScenario {
  return {
    seed,
    users: {
      count: chance.between(500, 1_200),
      ties: [{ size: chance.between(20, 130), connections: 2 }],
      missingUpdatedAt: 4,
      missingCreatedAt: 3,
    },
    organizations: {
      count: chance.between(20, 45),
      members: { min: 0, max: 9 },
      firstMemberCounts: [chance.between(110, 250)],
    },
    clients: { count: chance.between(90, 220) },
    roles: { count: 5, owned: { organizations: chance.of([0, 3]), each: 2 } },
  };
}

type Facts = Pick<Plan, 'target' | 'destination' | 'workers' | 'heartbeatSeconds'>;

function chooseMoment({ target, destination, workers }: Facts, chance: Chance): Moment {
  const file = { files: ['records', 'manifest', 'state'], postgres: ['postgres', 'postgres'] } as const;
  // A fault of the server cannot be timed by data to the server.
  const temporal = workers > 0 && target !== 'server' ? (['temporal', 'temporal'] as const) : [];
  const at = chance.of([
    'instant',
    'instant',
    'request',
    'response',
    'answered',
    'segment',
    'segment',
    ...file[destination],
    ...temporal,
  ] as const);
  if (at === 'instant') return { at, afterMs: chance.between(0, 2_500) };
  if (at === 'temporal') return { at, nth: chance.between(1, 120), when: chance.of(['before', 'after']) };
  if (at === 'postgres') return { at, nth: chance.between(1, 80), when: chance.of(['before', 'after']) };
  if (at === 'records' || at === 'manifest') return { at, nth: chance.between(1, 12) };
  if (at === 'state') return { at, nth: chance.between(1, 4) };
  return { at, nth: chance.between(1, 35) };
}

function chooseFault({ target, workers, heartbeatSeconds, destination }: Facts, chance: Chance): Fault {
  switch (target) {
    case 'worker': {
      const how = chance.of(['SIGKILL', 'SIGKILL', 'SIGTERM', 'freeze'] as const);
      const worker = chance.between(0, workers - 1);
      const forMs =
        how === 'freeze' ? heartbeatSeconds * 1_000 + chance.between(500, 3_000) : chance.between(100, 4_000);
      return { target, how, worker, forMs };
    }
    case 'cli':
    case 'server':
      return { target, how: 'SIGKILL', forMs: chance.between(0, 3_000) };
    case 'emulator':
      return {
        target,
        how: 'refuse',
        forMs: chance.of([chance.between(200, 6_000), chance.between(200, 6_000), longOutageMs]),
      };
    case 'postgres':
      return { target, how: chance.of(['restart', 'terminate']) };
    case 'disk':
      return {
        target,
        how: chance.of(['denied', 'full']),
        where: destination === 'files' ? chance.of(['staging', 'destination']) : 'staging',
        forMs: chance.between(500, 6_000),
      };
  }
}
