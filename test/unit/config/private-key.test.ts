import { generateKeyPairSync } from 'node:crypto';
import { findPrivateKeyProblem, normalisePem } from '../../../src/config/source';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const older = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();

test.each([
  ['unchanged', (text: string) => text],
  ['without the final line break', (text: string) => text.trim()],
  ['with Windows line breaks', (text: string) => text.replaceAll('\n', '\r\n')],
  ['on one line, with blanks for line breaks', (text: string) => text.trim().replaceAll('\n', ' ')],
  ['on one line without blanks', (text: string) => text.replace(/\n(?!-)/g, '').trim()],
  ['with escaped line breaks, as in environment files', (text: string) => text.replaceAll('\n', '\\n')],
])('accepts a key %s', (_, written) => {
  expect(normalisePem(written(pem))).toBe(pem);
  expect(findPrivateKeyProblem(normalisePem(written(older)))).toBeUndefined();
});

const locked = privateKey
  .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'made up' })
  .toString();
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

test.each([
  ['', 'not a private key in PEM format'],
  ['env:AUTH0_KEY', 'not a private key in PEM format'],
  [pem.slice(0, 400), 'not a private key in PEM format'],
  [publicKey.export({ format: 'pem', type: 'spki' }).toString(), 'not a private key in PEM format'],
  [locked, 'encrypted with a passphrase'],
  [elliptic.export({ format: 'pem', type: 'pkcs8' }).toString(), 'not an RSA key'],
])('explains why a key cannot sign: %#', (text, problem) => {
  expect(findPrivateKeyProblem(normalisePem(text))).toContain(problem);
});
