/** What a tenant's domain looks like: a name of two labels or more, the last one beginning with a letter. */
export const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

/** Hosts to which credentials may travel in the clear, as `URL` writes them. */
const loopbackPattern = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** What is wrong with a tenant's address, as the continuation of a path; undefined when it can be used. */
export function findBaseUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text.trim())) {
    return 'must be an address such as https://acme.eu.auth0.com';
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not carry a user name or password';
  if (url.protocol === 'http:' && !loopbackPattern.test(url.hostname)) {
    return 'must begin with https://, since credentials would travel unencrypted (http:// is for 127.0.0.1, localhost and [::1])';
  }
  if (!/^\/*$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    return 'must end after the host, without a path: https://acme.eu.auth0.com';
  }
  return undefined;
}
