import { pick, toHex } from './random';

const STARTS = [
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
const MIDDLES = ['a', 'e', 'i', 'o', 'ana', 'eli', 'ori', 'uma'];
const ENDS = ['n', 'r', 's', 'la', 'na', 'ra', 'ton', 'wyn', 'mar', 'dis'];

export interface Person {
  given: string;
  family: string;
  name: string;
  nickname: string;
  email: string;
  picture: string;
}

function inventName(draw: () => number): string {
  return pick(STARTS, draw()) + pick(MIDDLES, draw()) + pick(ENDS, draw());
}

/** A person put together from syllables; the code makes the e-mail address unique. */
export function inventPerson(draw: () => number, code: number): Person {
  const given = inventName(draw);
  const family = inventName(draw);
  const nickname = `${given}.${family}`.toLowerCase();
  return {
    given,
    family,
    name: `${given} ${family}`,
    nickname,
    email: `${nickname}.${toHex(code)}@${pick(['example.com', 'example.org', 'example.net'], draw())}`,
    picture: `https://cdn.example.com/avatars/${given.slice(0, 2).toLowerCase()}.png`,
  };
}
