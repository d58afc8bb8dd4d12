import { createPrivateKey } from 'node:crypto';

const pemLine = /.{1,64}/g;

/**
 * The PEM text of a key as people paste it: forms of one line turn line ends into blanks, environment files write them out (`\n`).
 */
export function normalisePem(text: string): string {
  const lines = text.replaceAll('\\n', '\n').replaceAll('\r', '');
  const [, begin = '', body = '', end = ''] =
    /^(-----BEGIN [^-]+-----)([^-]*)(-----END [^-]+-----)$/.exec(lines.trim()) ?? [];
  const base64 = body.replaceAll(/\s/g, '');
  return base64 === '' || body.includes(':') ? lines : [begin, ...(base64.match(pemLine) ?? []), end, ''].join('\n');
}

/** What is wrong with a key that is to sign, as the continuation of a path; undefined when it can be used. */
export function findPrivateKeyProblem(pem: string): string | undefined {
  if (pem.includes('ENCRYPTED'))
    return 'is locked by a passphrase; store it without: openssl pkey -in locked.pem -out key.pem';
  try {
    const { asymmetricKeyType: type } = createPrivateKey(pem);
    return type === 'rsa' ? undefined : 'is no RSA key, and Auth0 takes no other';
  } catch {
    return 'is no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----';
  }
}
