import { type JsonObject, toText } from '../json';
import { hash } from '../random';
import { type EmulatedTenant, NoSuchEntity } from './tenant';
import type { TenantChange } from './tenant-change';

/**
 * A change that is applied once: before the nth request to the Management API is answered, or after. Requests are numbered
 * from 1, and again after the statistics are reset. A change that is no longer possible is skipped.
 */
export type ScriptedChange = { change: TenantChange } & ({ atRequest: number } | { afterRequest: number });

/** Changes to the tenant's data while it is read. */
export interface ChurnOptions {
  script?: readonly ScriptedChange[];
  /** Random changes to users per second: 75 % updates, 12.5 % creations, 12.5 % deletions. */
  perSecond?: number;
}

export interface ChurnDriver {
  /** Applies the changes due when the nth request arrives. */
  applyBeforeResponse(nth: number): void;
  /** Applies the changes due when the nth request is answered. */
  applyAfterResponse(nth: number): void;
  /** Replaces the remaining script. */
  setScript(script: readonly ScriptedChange[]): void;
  /** Stops the random changes. */
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

  function applyDue(isDue: (entry: ScriptedChange) => boolean): void {
    const due = waiting.filter(isDue);
    if (due.length === 0) return;
    waiting = waiting.filter((entry) => !isDue(entry));
    for (const { change } of due) applyChangeIfPossible(tenant, change);
  }

  return {
    applyBeforeResponse: (nth) => applyDue((entry) => 'atRequest' in entry && entry.atRequest <= nth),
    applyAfterResponse: (nth) => applyDue((entry) => 'afterRequest' in entry && entry.afterRequest <= nth),
    setScript(next) {
      waiting = [...next];
    },
    stop: () => clearInterval(timer),
  };
}

/** A script can refer to an entity that another change deleted. */
function applyChangeIfPossible(tenant: EmulatedTenant, change: TenantChange): JsonObject | undefined {
  try {
    return tenant.apply(change);
  } catch (error) {
    if (error instanceof NoSuchEntity) return undefined;
    throw error;
  }
}
