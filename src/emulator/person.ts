import { pick, toHex } from './random';

const NAME_STARTS = [
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
const NAME_MIDDLES = ['a', 'e', 'i', 'o', 'ana', 'eli', 'ori', 'uma'];
const NAME_ENDS = ['n', 'r', 's', 'la', 'na', 'ra', 'ton', 'wyn', 'mar', 'dis'];

export interface Person {
  givenName: string;
  familyName: string;
  name: string;
  nickname: string;
  email: string;
  picture: string;
}

function generateName(draw: () => number): string {
  return pick(NAME_STARTS, draw()) + pick(NAME_MIDDLES, draw()) + pick(NAME_ENDS, draw());
}

/** A person put together from syllables; the code makes the e-mail address unique. */
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
