import { CancellationScope, condition } from '@temporalio/workflow';

/** Who pauses a run. Each resumes only what it has paused. */
export type PauseSource = 'user' | 'credentials';

/** One reason why a run is paused. */
export interface Pause {
  source: PauseSource;
  /** For people; without a final period. */
  reason: string;
}

/** The reasons in one phrase; undefined when there is none. */
export function describePauses(pauses: readonly Pause[]): string | undefined {
  return pauses.length === 0 ? undefined : pauses.map(({ reason }) => reason).join('; ');
}

/**
 * Holds a set of pauses, and runs work while the set is empty. A pause asks running work to stop: what the work has done
 * is its result, and work that has done nothing runs again after the resume.
 */
export class PauseLock {
  private active: Pause[];
  private readonly runningScopes = new Set<CancellationScope>();

  /** @param pauses carried through continue-as-new */
  constructor(pauses: readonly Pause[] = []) {
    this.active = [...pauses];
  }

  get pauses(): readonly Pause[] {
    return this.active;
  }

  get isPaused(): boolean {
    return this.active.length > 0;
  }

  /** Adds a reason. Returns false when the source had paused already. */
  pause({ source, reason }: Pause): boolean {
    const isNew = !this.active.some((each) => each.source === source);
    if (!this.active.some((each) => each.source === source && each.reason === reason)) {
      this.active.push({ source, reason });
    }
    for (const scope of this.runningScopes) scope.cancel();
    return isNew;
  }

  /** Removes all reasons of a source. Returns false when it had not paused. */
  resume(source: PauseSource): boolean {
    const before = this.active.length;
    this.active = this.active.filter((each) => each.source !== source);
    return this.active.length < before;
  }

  async waitUntilResumed(): Promise<void> {
    await condition(() => !this.isPaused);
  }

  /** @param work returns what it has done when its scope is cancelled, or throws when it has done nothing */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      await this.waitUntilResumed();
      const scope = new CancellationScope();
      this.runningScopes.add(scope);
      try {
        return await scope.run(work);
      } catch (error) {
        const isOver = CancellationScope.current().consideredCancelled;
        // An error of work that was asked to stop recurs when the work runs again.
        if (isOver || !scope.consideredCancelled) throw error;
      } finally {
        this.runningScopes.delete(scope);
      }
    }
  }
}
