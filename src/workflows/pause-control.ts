import { type ExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { pauseSignal, pauseUpdate, type ResumeResult, resumeSignal, resumeUpdate } from './contract';
import { describePauses, type Pause, type PauseLock } from './pause-lock';

/** A child workflow that can be paused. */
type PausableChild = Pick<ExternalWorkflowHandle, 'signal'>;

export interface PauseControlOptions {
  pauseLock: PauseLock;
  /** The running children, as of now. */
  children: ReadonlySet<PausableChild>;
  /** Sends a signal to a child that may have ended already. */
  bestEffort(work: () => Promise<void>): Promise<void>;
  onChange(): void;
}

/** Answers the pause and resume requests of a sync, and passes them to its children. */
export class PauseControl {
  constructor(private readonly options: PauseControlOptions) {
    setHandler(pauseUpdate, ({ reason }) => this.pause({ source: 'user', reason }));
    setHandler(pauseSignal, async (pause) => {
      await this.pause(pause);
    });
    setHandler(resumeUpdate, () => this.resume());
  }

  /** Passes the pauses to a child that has just started. */
  async pauseStarted(child: PausableChild): Promise<void> {
    for (const pause of this.options.pauseLock.pauses) await child.signal(pauseSignal, pause);
  }

  /** Returns false when the same source had paused already. */
  private async pause(pause: Pause): Promise<boolean> {
    const isNew = this.options.pauseLock.pause(pause);
    await this.signalAll((child) => child.signal(pauseSignal, pause));
    return isNew;
  }

  /** A user's resume ends the users' pause first; only without one, the wait for credentials. */
  private async resume(): Promise<ResumeResult> {
    const { pauseLock } = this.options;
    const source = pauseLock.pauses.some((pause) => pause.source === 'user') ? 'user' : 'credentials';
    const wasPaused = pauseLock.resume(source);
    await this.signalAll((child) => child.signal(resumeSignal, source));
    const pauseReason = describePauses(pauseLock.pauses);
    return { wasPaused, ...(pauseReason !== undefined && { pauseReason }) };
  }

  private async signalAll(send: (child: PausableChild) => Promise<void>): Promise<void> {
    const { children, bestEffort, onChange } = this.options;
    onChange();
    await Promise.all([...children].map((child) => bestEffort(() => send(child))));
  }
}
