import { hash, pick, toHex } from '../random';
import type { UserPopulation } from '../scenario';

/** The tenant's lifetime, in which all generated entities were created. Fixed, so a scenario is the same every day. */
export const tenantStart = Date.UTC(2022, 0, 1);
export const tenantEnd = Date.UTC(2025, 11, 31);

const { floor, max } = Math;

interface PlacedTieBlock {
  first: number;
  end: number;
  at: number;
  connections: number;
  updatedTogether: boolean;
}

/** The timestamps of the generated users, computed from their index, epoch ms. */
export interface UserTimeline {
  count: number;
  /** Never decreases with the index. Also defined for users without the field. */
  getCreatedAt: (index: number) => number;
  getUpdatedAt: (index: number) => number;
  missingCreatedAt: ReadonlySet<number>;
  missingUpdatedAt: ReadonlySet<number>;
  hugeProfiles: ReadonlySet<number>;
  /** Index of the user's connection in `userConnections`, for users in a tie block. */
  findTiedConnection(index: number): number | undefined;
}

export function createUserTimeline(population: UserPopulation, seed: number): UserTimeline {
  const { count } = population;
  const step = (tenantEnd - tenantStart) / max(count, 1);
  const natural = (index: number): number => tenantStart + floor(index * step) + (hash(seed, 3, index) % max(1, floor(step)));
  const blocks = placeTieBlocks(population, step, natural);
  const findBlock = (index: number): PlacedTieBlock | undefined =>
    blocks.find((block) => index >= block.first && index < block.end);
  const getCreatedAt = (index: number): number => findBlock(index)?.at ?? natural(index);

  return {
    count,
    getCreatedAt,
    getUpdatedAt(index) {
      const created = getCreatedAt(index);
      const drawn = hash(seed, 4, index);
      const unchanged = drawn % 5 < 2 || findBlock(index)?.updatedTogether === true;
      return unchanged ? created : created + floor((tenantEnd - created) * (drawn / 2 ** 32));
    },
    missingCreatedAt: spreadIndexes(population.missingCreatedAt ?? 0, count, 0.3, findBlock),
    missingUpdatedAt: spreadIndexes(population.missingUpdatedAt ?? 0, count, 0.7, findBlock),
    hugeProfiles: spreadIndexes(population.hugeProfiles ?? 0, count, 0.5, findBlock),
    findTiedConnection(index) {
      const block = findBlock(index);
      return block && (index - block.first) % block.connections;
    },
  };
}

function placeTieBlocks(population: UserPopulation, step: number, computeNaturalTime: (index: number) => number): PlacedTieBlock[] {
  const { count, ties = [] } = population;
  const placed = ties.map((tie, position) => {
    const at = tie.at === undefined ? undefined : Date.parse(tie.at);
    const place = at === undefined ? ((position + 1) / (ties.length + 1)) * count : (at - tenantStart) / step;
    return { tie, at, first: Math.min(count, max(0, Math.ceil(place))) };
  });
  let free = 0;
  return placed
    .sort((a, b) => a.first - b.first)
    .map(({ tie, at, first: asked }) => {
      const first = max(free, Math.min(asked, count - tie.size));
      free = first + tie.size;
      if (free > count) throw new RangeError(`The tie blocks need more than ${count} users`);
      return {
        first,
        end: free,
        at: at ?? computeNaturalTime(first),
        connections: tie.connections ?? 1,
        updatedTogether: tie.updatedTogether ?? false,
      };
    });
}

/** Spreads `amount` indexes over the population, outside of the tie blocks. */
function spreadIndexes(
  amount: number,
  count: number,
  phase: number,
  findBlock: (index: number) => PlacedTieBlock | undefined,
): Set<number> {
  const chosen = new Set<number>();
  for (let nth = 0; nth < amount; nth += 1) {
    let index = floor(((nth + phase) / amount) * count);
    let tried = 0;
    for (; tried < count && (chosen.has(index) || findBlock(index)); tried += 1) index = (index + 1) % count;
    if (tried < count) chosen.add(index);
  }
  return chosen;
}

const nameStarts = [
  'Al',
  'Ber',
  'Cor',
  'Dan',
  'El',
  'Fen',
  'Gar',
  'Hol',
  'Is',
  'Jor',
  'Kel',
  'Lin',
  'Mar',
  'Nor',
  'Or',
  'Per',
];
const nameMiddles = ['a', 'e', 'i', 'o', 'ana', 'eli', 'ori', 'uma'];
const nameEnds = ['n', 'r', 's', 'la', 'na', 'ra', 'ton', 'wyn', 'mar', 'dis'];

export interface Person {
  givenName: string;
  familyName: string;
  name: string;
  nickname: string;
  email: string;
  picture: string;
}

function generateName(draw: () => number): string {
  return pick(nameStarts, draw()) + pick(nameMiddles, draw()) + pick(nameEnds, draw());
}

/** A person with a name of random syllables. The code makes the email address unique. */
export function generatePerson(draw: () => number, code: number): Person {
  const givenName = generateName(draw);
  const familyName = generateName(draw);
  const nickname = `${givenName}.${familyName}`.toLowerCase();
  return {
    givenName,
    familyName,
    name: `${givenName} ${familyName}`,
    nickname,
    email: `${nickname}.${toHex(code)}@${pick(['example.com', 'example.org', 'example.net'], draw())}`,
    picture: `https://cdn.example.com/avatars/${givenName.slice(0, 2).toLowerCase()}.png`,
  };
}
