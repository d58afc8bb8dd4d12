import type { JsonObject } from '../json';
import type { Change } from './change';
import { hash } from './random';
import { NoSuchEntity, type Tenant } from './tenant';
import { textOf } from './text';

/** Changes to the tenant's data that happen while it is read. */
export interface Churn {
  /** Each is carried out once, when the nth request to the Management API (from 1) has been answered. */
  script?: readonly { afterRequest: number; change: Change }[];
  /** Random changes to users per second: three quarters updates, the rest creations and deletions in equal parts. */
  perSecond?: number;
}

/** `answered` is to be told the number of each request that was answered, `stop` ends the random changes. */
export function createChurn(
  { script = [], perSecond = 0 }: Churn,
  tenant: Tenant,
  seed: number,
): { answered(nth: number): void; stop(): void } {
  let waiting = [...script];
  let drawn = 0;
  const timer = perSecond > 0 ? setInterval(changeAnyUser, 1_000 / perSecond) : undefined;
  timer?.unref();

  function changeAnyUser(): void {
    drawn += 1;
    const kind = hash(seed, 81, drawn) % 8;
    const user = tenant.users.size > 0 ? tenant.users.read(hash(seed, 82, drawn) % tenant.users.size) : undefined;
    const user_id = textOf(user?.['user_id']);
    if (kind === 0) tenant.createUser();
    else if (user) tenant.apply(kind === 1 ? { type: 'deleteUser', user_id } : { type: 'updateUser', user_id });
  }

  return {
    answered(nth) {
      const due = waiting.filter(({ afterRequest }) => afterRequest <= nth);
      if (due.length === 0) return;
      waiting = waiting.filter(({ afterRequest }) => afterRequest > nth);
      for (const { change } of due) applyIfPossible(tenant, change);
    },
    stop: () => clearInterval(timer),
  };
}

/** A script may change what an earlier change removed. */
function applyIfPossible(tenant: Tenant, change: Change): JsonObject | undefined {
  try {
    return tenant.apply(change);
  } catch (error) {
    if (error instanceof NoSuchEntity) return undefined;
    throw error;
  }
}
