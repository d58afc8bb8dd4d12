import { createDraws, pick, type TenantScenario } from 'auth0-emulator';

/** What is struck. */
export const victims = ['worker', 'cli', 'server', 'emulator', 'postgres', 'disk'] as const;
export type Victim = (typeof victims)[number];

/** When a blow falls: `nth` counts from when the blow before is over, or from the start of the sync. */
export type Moment =
  | { at: 'instant'; afterMs: number }
  /** The tenant's nth request: before it is passed on, before its answer is, or after. */
  | { at: 'asked' | 'answering' | 'answered'; nth: number }
  /** The nth piece that goes over the wire to the server: before it is passed on, or after. */
  | { at: 'temporal' | 'postgres'; nth: number; when: 'before' | 'after' }
  /** The nth time that a file of this sort has changed. */
  | { at: 'segment' | 'records' | 'manifest' | 'state'; nth: number };

export type Blow =
  /** SIGKILL or SIGTERM; a supervisor starts the worker again after a while. */
  | { victim: 'worker'; how: 'SIGKILL' | 'SIGTERM'; worker: number; forMs: number }
  /** SIGSTOP for longer than the heartbeat timeout, then SIGCONT. */
  | { victim: 'worker'; how: 'freeze'; worker: number; forMs: number }
  /** SIGKILL; the same command is given again. */
  | { victim: 'cli'; how: 'SIGKILL'; forMs: number }
  | { victim: 'server'; how: 'SIGKILL'; forMs: number }
  | { victim: 'emulator'; how: 'refuse'; forMs: number }
  | { victim: 'postgres'; how: 'restart' | 'terminate' }
  | { victim: 'disk'; how: 'denied' | 'full'; where: 'staging' | 'destination'; forMs: number };

/** One run, all of which follows from its seed. */
export interface Plan {
  seed: number;
  victim: Victim;
  destination: 'files' | 'postgres';
  /** Worker processes; 0: the command hosts itself. */
  workers: 0 | 1 | 2;
  heartbeatSeconds: number;
  slicePages: number;
  sliceSeconds: number;
  latencyMs: number;
  tenant: TenantScenario;
  /** Changes to users while they are read. */
  changesPerSecond: number;
  blows: { moment: Moment; blow: Blow }[];
}

/** In turn, so that every few runs strike everything. */
const turns = ['worker', 'server', 'worker', 'cli', 'emulator', 'postgres', 'worker', 'disk', 'worker', 'cli'] as const;

/** Random choices, reproducible. */
export interface Chance {
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  of<T>(list: readonly T[]): T;
}

export function chanceOf(seed: number, salt: number): Chance {
  const draw = createDraws(seed, salt, 0);
  return {
    between: (least, most) => least + (draw() % (most - least + 1)),
    of: (list) => pick(list, draw()),
  };
}

/** @param only the victim, whatever the seed says */
export function planRun(seed: number, only?: Victim): Plan {
  const chance = chanceOf(seed, 201);
  const victim = only ?? pick(turns, seed);
  const destination =
    victim === 'postgres' ? 'postgres' : victim === 'disk' ? 'files' : chance.of(['files', 'postgres'] as const);
  const workers = victim === 'cli' && chance.between(0, 2) > 0 ? 0 : chance.of([1, 2, 2] as const);
  const heartbeatSeconds = chance.of([2, 3]);
  const facts = { victim, destination, workers, heartbeatSeconds } as const;
  return {
    seed,
    ...facts,
    slicePages: chance.between(2, 6),
    sliceSeconds: chance.of([0.3, 0.6, 1.5]),
    latencyMs: chance.between(60, 140),
    tenant: tenantOf(seed, chance),
    changesPerSecond: chance.of([0, 4, 12]),
    blows: bearable(
      Array.from({ length: blowsOn(victim, chance) }, () => ({
        moment: momentOf(facts, chance),
        blow: blowOf(facts, chance),
      })),
    ),
  };
}

/** To a stream that has had no answer yet, outages that follow each other are one: of two long ones the first stays. */
function bearable(blows: Plan['blows']): Plan['blows'] {
  const isLong = ({ blow }: Plan['blows'][0]): boolean => blow.victim === 'emulator' && blow.forMs === longOutageMs;
  const first = blows.findIndex(isLong);
  return blows.filter((each, nth) => !isLong(each) || nth === first);
}

/** As long as a tenant may be away before it has answered, ms. */
const longOutageMs = 20_000;

/** Outages take their time; a kill is quick. */
function blowsOn(victim: Victim, chance: Chance): number {
  return victim === 'emulator' || victim === 'disk' ? chance.between(1, 2) : chance.between(2, 5);
}

function tenantOf(seed: number, chance: Chance): TenantScenario {
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

type Facts = Pick<Plan, 'victim' | 'destination' | 'workers' | 'heartbeatSeconds'>;

function momentOf({ victim, destination, workers }: Facts, chance: Chance): Moment {
  const file = { files: ['records', 'manifest', 'state'], postgres: ['postgres', 'postgres'] } as const;
  // What its own wire is cut by cannot be timed by it.
  const temporal = workers > 0 && victim !== 'server' ? (['temporal', 'temporal'] as const) : [];
  const at = chance.of([
    'instant',
    'instant',
    'asked',
    'answering',
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

function blowOf({ victim, workers, heartbeatSeconds, destination }: Facts, chance: Chance): Blow {
  switch (victim) {
    case 'worker': {
      const how = chance.of(['SIGKILL', 'SIGKILL', 'SIGTERM', 'freeze'] as const);
      const worker = chance.between(0, workers - 1);
      const forMs =
        how === 'freeze' ? heartbeatSeconds * 1_000 + chance.between(500, 3_000) : chance.between(100, 4_000);
      return { victim, how, worker, forMs };
    }
    case 'cli':
    case 'server':
      return { victim, how: 'SIGKILL', forMs: chance.between(0, 3_000) };
    case 'emulator':
      return {
        victim,
        how: 'refuse',
        forMs: chance.of([chance.between(200, 6_000), chance.between(200, 6_000), longOutageMs]),
      };
    case 'postgres':
      return { victim, how: chance.of(['restart', 'terminate']) };
    case 'disk':
      return {
        victim,
        how: chance.of(['denied', 'full']),
        where: destination === 'files' ? chance.of(['staging', 'destination']) : 'staging',
        forMs: chance.between(500, 6_000),
      };
  }
}
