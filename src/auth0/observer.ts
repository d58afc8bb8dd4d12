/** `limit`: the tenant's rate limit; `failure`: the pause before another try. */
export type WaitReason = 'limit' | 'failure';

/** Is told what goes to and fro between a client and its tenant, for metrics. Must not throw. */
export interface RequestObserver {
  /**
   * A request is over, other than by its signal.
   * @param label method and path template: `GET organizations/{id}/members`
   * @param status undefined when no answer came
   */
  onRequestEnd(label: string, status: number | undefined): void;
  /** A request went out after so long, or a wait before another try is over. */
  onWaitEnd(reason: WaitReason, ms: number): void;
}
