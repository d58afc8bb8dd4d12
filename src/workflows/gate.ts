import { CancellationScope, condition } from '@temporalio/workflow';

/** Why a run is paused. */
export interface Pause {
  /** For people; ends without a full stop. */
  reason: string;
}

/**
 * Lets work through while nothing is paused. Work that is under way when the gate closes is asked to stop: what it has
 * done by then is its result, and work that has done nothing is begun anew once the gate is open.
 */
export class PauseLock {
  private readonly runningScopes = new Set<CancellationScope>();

  /** @param pause carried through continue-as-new */
  constructor(private activePause?: Pause) {}

  get currentPause(): Pause | undefined {
    return this.activePause;
  }

  pause(pause: Pause): void {
    this.activePause = pause;
    for (const scope of this.runningScopes) scope.cancel();
  }

  resume(): void {
    this.activePause = undefined;
  }

  /** @param work answers with what it has done when its scope is cancelled, or throws when that is nothing */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      await condition(() => this.activePause === undefined);
      const scope = new CancellationScope();
      this.runningScopes.add(scope);
      try {
        return await scope.run(work);
      } catch (error) {
        const isOver = CancellationScope.current().consideredCancelled;
        // Whatever was wrong with work that was asked to stop will show again.
        if (isOver || !scope.consideredCancelled) throw error;
      } finally {
        this.runningScopes.delete(scope);
      }
    }
  }
}
