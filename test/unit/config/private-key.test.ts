import { generateKeyPairSync } from 'node:crypto';
import { findPrivateKeyProblem, normalisePem } from '../../../src/config/source';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const older = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();

test.each([
  ['as it is', (text: string) => text],
  ['without its last line end', (text: string) => text.trim()],
  ['with the line ends of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
  ['on one line, as a form of one line makes it', (text: string) => text.trim().replaceAll('\n', ' ')],
  ['on one line without blanks', (text: string) => text.replace(/\n(?!-)/g, '').trim()],
  ['with line ends written out, as in environment files', (text: string) => text.replaceAll('\n', '\\n')],
])('a key %s can be used', (_, written) => {
  expect(normalisePem(written(pem))).toBe(pem);
  expect(findPrivateKeyProblem(normalisePem(written(older)))).toBeUndefined();
});

const locked = privateKey
  .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'made up' })
  .toString();
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

test.each([
  ['', 'no private key in PEM form'],
  ['env:AUTH0_KEY', 'no private key in PEM form'],
  [pem.slice(0, 400), 'no private key in PEM form'],
  [publicKey.export({ format: 'pem', type: 'spki' }).toString(), 'no private key in PEM form'],
  [locked, 'locked by a passphrase'],
  [elliptic.export({ format: 'pem', type: 'pkcs8' }).toString(), 'no RSA key'],
])('what cannot sign is refused, with what is wrong: %#', (text, problem) => {
  expect(findPrivateKeyProblem(normalisePem(text))).toContain(problem);
});
