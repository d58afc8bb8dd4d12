import { setTimeout as sleep } from 'node:timers/promises';
import type { Emulator } from 'auth0-emulator';

/**
 * Another application of the tenant that sends a request every so often for a while.
 * @returns how many of its requests were refused
 */
export async function useTenant(
  { url, clientId, clientSecret }: Emulator,
  { afterMs, forMs, everyMs }: { afterMs: number; forMs: number; everyMs: number },
): Promise<number> {
  const grant = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const answer = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...grant, audience: `${url}/api/v2/` }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  await sleep(afterMs);
  const statuses: Promise<number>[] = [];
  for (const end = Date.now() + forMs; Date.now() < end; await sleep(everyMs)) {
    const asked = fetch(`${url}/api/v2/roles?per_page=1`, { headers: { authorization: `Bearer ${token}` } });
    statuses.push(asked.then(async (each) => (await each.arrayBuffer(), each.status)));
  }
  return (await Promise.all(statuses)).filter((status) => status === 429).length;
}
