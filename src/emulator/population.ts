import { hash } from './random';
import type { UserPopulation } from './scenario';

/** The tenant's life: every generated entity was created in it. Fixed, so that a scenario is the same on every day. */
export const BORN = Date.UTC(2022, 0, 1);
export const GROWN = Date.UTC(2025, 11, 31);

const { floor, max } = Math;

interface Block {
  first: number;
  end: number;
  at: number;
  connections: number;
  updatedTogether: boolean;
}

/** When the generated users were created and changed: arithmetic over their index, in epoch ms. */
export interface Timeline {
  count: number;
  /** Never falls as the index grows. Also set for users whose record lacks the field. */
  createdAt: (index: number) => number;
  updatedAt: (index: number) => number;
  lacksCreatedAt: ReadonlySet<number>;
  lacksUpdatedAt: ReadonlySet<number>;
  hasHugeProfile: ReadonlySet<number>;
  /** The place of a user's connection in CONNECTIONS when a tie block decides it. */
  tiedConnection(index: number): number | undefined;
}

export function createTimeline(population: UserPopulation, seed: number): Timeline {
  const { count } = population;
  const step = (GROWN - BORN) / max(count, 1);
  const natural = (index: number): number => BORN + floor(index * step) + (hash(seed, 3, index) % max(1, floor(step)));
  const blocks = placeBlocks(population, step, natural);
  const blockOf = (index: number): Block | undefined =>
    blocks.find((block) => index >= block.first && index < block.end);
  const createdAt = (index: number): number => blockOf(index)?.at ?? natural(index);

  return {
    count,
    createdAt,
    updatedAt(index) {
      const created = createdAt(index);
      const drawn = hash(seed, 4, index);
      const unchanged = drawn % 5 < 2 || blockOf(index)?.updatedTogether === true;
      return unchanged ? created : created + floor((GROWN - created) * (drawn / 2 ** 32));
    },
    lacksCreatedAt: spread(population.missingCreatedAt ?? 0, count, 0.3, blockOf),
    lacksUpdatedAt: spread(population.missingUpdatedAt ?? 0, count, 0.7, blockOf),
    hasHugeProfile: spread(population.hugeProfiles ?? 0, count, 0.5, blockOf),
    tiedConnection(index) {
      const block = blockOf(index);
      return block && (index - block.first) % block.connections;
    },
  };
}

function placeBlocks(population: UserPopulation, step: number, natural: (index: number) => number): Block[] {
  const { count, ties = [] } = population;
  const wanted = ties.map((tie, position) => {
    const at = tie.at === undefined ? undefined : Date.parse(tie.at);
    const place = at === undefined ? ((position + 1) / (ties.length + 1)) * count : (at - BORN) / step;
    return { tie, at, first: Math.min(count, max(0, Math.ceil(place))) };
  });
  let free = 0;
  return wanted
    .sort((a, b) => a.first - b.first)
    .map(({ tie, at, first: asked }) => {
      const first = max(free, Math.min(asked, count - tie.size));
      free = first + tie.size;
      if (free > count) throw new RangeError(`Tie blocks need more than the ${count} users there are`);
      return {
        first,
        end: free,
        at: at ?? natural(first),
        connections: tie.connections ?? 1,
        updatedTogether: tie.updatedTogether ?? false,
      };
    });
}

/** `amount` indexes spread over the population, none of them in a tie block. */
function spread(
  amount: number,
  count: number,
  phase: number,
  blockOf: (index: number) => Block | undefined,
): Set<number> {
  const chosen = new Set<number>();
  for (let nth = 0; nth < amount; nth += 1) {
    let index = floor(((nth + phase) / amount) * count);
    let tried = 0;
    for (; tried < count && (chosen.has(index) || blockOf(index)); tried += 1) index = (index + 1) % count;
    if (tried < count) chosen.add(index);
  }
  return chosen;
}
