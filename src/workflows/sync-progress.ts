import { setHandler } from '@temporalio/workflow';
import {
  type PlannedStream,
  type StreamProgress,
  streamProgressSignal,
  type StreamResult,
  type SyncInput,
  syncProgressQuery,
} from './contract';
import { describePauses, type PauseLock } from './pause-lock';
import { setProgressDetails } from './progress';
import { createProgress, toFinalProgress } from './results';
import type { SearchAttributePublisher } from './run-attributes';

/** Streams that one child workflow reads. */
export interface StreamGroup {
  /** Id of the child workflow. */
  workflowId: string;
  streams: PlannedStream[];
}

export interface SyncProgressOptions {
  input: SyncInput;
  run: string;
  groups: readonly StreamGroup[];
  pauseLock: PauseLock;
  searchAttributes: SearchAttributePublisher;
}

/** The progress of a sync: what its children report, answered to queries and shown in the Temporal UI. */
export class SyncProgressBoard {
  private readonly finished: StreamResult[] = [];
  private readonly running: Set<StreamGroup>;
  /** By stream. */
  private readonly progress: Map<string, StreamProgress>;

  constructor(private readonly options: SyncProgressOptions) {
    const { input, run, groups, pauseLock } = options;
    this.running = new Set(groups);
    this.progress = new Map(input.streams.map(({ name }) => [name, createProgress(name, 'waiting')]));
    setHandler(syncProgressQuery, () => {
      const pauseReason = describePauses(pauseLock.pauses);
      return {
        run,
        ...(pauseReason !== undefined && { pauseReason }),
        finished: this.finished,
        running: [...this.running].map(({ workflowId, streams }) => ({
          workflowId,
          streams: streams.map(({ name }) => name),
        })),
      };
    });
    setHandler(streamProgressSignal, (reported) => {
      const hasEnded = (stream: string): boolean => this.finished.some((each) => each.stream === stream);
      this.update(reported.filter(({ stream }) => !hasEnded(stream)));
    });
  }

  get results(): StreamResult[] {
    return this.finished;
  }

  start({ streams }: StreamGroup): void {
    this.update(streams.map(({ name }) => createProgress(name, 'running')));
  }

  finish(results: readonly StreamResult[]): void {
    this.finished.push(...results);
    this.update(results.map(toFinalProgress));
  }

  /** The child workflow of a group has ended. */
  remove(group: StreamGroup): void {
    this.running.delete(group);
  }

  publish(): void {
    const { input, pauseLock, searchAttributes } = this.options;
    const streams = [...this.progress.values()];
    searchAttributes.publish({
      status: pauseLock.isPaused ? 'paused' : 'running',
      records: streams.reduce((sum, { delivered }) => sum + delivered, 0),
    });
    setProgressDetails(input.connection, streams, describePauses(pauseLock.pauses));
  }

  private update(reported: readonly StreamProgress[]): void {
    for (const each of reported) this.progress.set(each.stream, each);
    this.publish();
  }
}
