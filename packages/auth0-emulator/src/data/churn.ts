import { type JsonObject, toText } from '../json';
import { hash } from '../random';
import { type EmulatedTenant, NoSuchEntity } from './tenant';
import type { TenantChange } from './tenant-change';

/**
 * A change that is carried out once: before the nth request to the Management API is answered, or when it has been. Requests
 * are counted from 1 as statistics count them, and anew after these are reset. What is impossible by then is left undone.
 */
export type ScriptedChange = { change: TenantChange } & ({ atRequest: number } | { afterRequest: number });

/** Changes to the tenant's data that happen while it is read. */
export interface ChurnOptions {
  script?: readonly ScriptedChange[];
  /** Random changes to users per second: three quarters updates, the rest creations and deletions in equal parts. */
  perSecond?: number;
}

export interface ChurnDriver {
  /** To be told the number of each request: that it has come, */
  applyBeforeResponse(nth: number): void;
  /** and that its answer is on the way. */
  applyAfterResponse(nth: number): void;
  /** Replaces what is left of the script. */
  setScript(script: readonly ScriptedChange[]): void;
  /** Ends the random changes. */
  stop(): void;
}

export function createChurnDriver({ script = [], perSecond = 0 }: ChurnOptions, tenant: EmulatedTenant, seed: number): ChurnDriver {
  let waiting = [...script];
  let drawn = 0;
  const timer = perSecond > 0 ? setInterval(changeAnyUser, 1_000 / perSecond) : undefined;
  timer?.unref();

  function changeAnyUser(): void {
    drawn += 1;
    const kind = hash(seed, 81, drawn) % 8;
    const user = tenant.users.size > 0 ? tenant.users.read(hash(seed, 82, drawn) % tenant.users.size) : undefined;
    const user_id = toText(user?.['user_id']);
    if (kind === 0) tenant.createUser();
    else if (user) tenant.apply(kind === 1 ? { type: 'deleteUser', user_id } : { type: 'updateUser', user_id });
  }

  function carryOut(isDue: (entry: ScriptedChange) => boolean): void {
    const due = waiting.filter(isDue);
    if (due.length === 0) return;
    waiting = waiting.filter((entry) => !isDue(entry));
    for (const { change } of due) applyChangeIfPossible(tenant, change);
  }

  return {
    applyBeforeResponse: (nth) => carryOut((entry) => 'atRequest' in entry && entry.atRequest <= nth),
    applyAfterResponse: (nth) => carryOut((entry) => 'afterRequest' in entry && entry.afterRequest <= nth),
    setScript(next) {
      waiting = [...next];
    },
    stop: () => clearInterval(timer),
  };
}

/** A script may change what an earlier change removed. */
function applyChangeIfPossible(tenant: EmulatedTenant, change: TenantChange): JsonObject | undefined {
  try {
    return tenant.apply(change);
  } catch (error) {
    if (error instanceof NoSuchEntity) return undefined;
    throw error;
  }
}
