import type { StreamProgress } from '../workflows/contract';
import type { SyncRun } from '../temporal/sync-run';
import { formatLiveTable } from './live-table';
import { drawFooter, logMessage, isQuietMode, setFooter } from './narration';
import { estimateRequestRate, addSample, type RequestSample } from './pace';
import { keepLastKnown, formatPausedLine, formatProgressLine } from './progress';

/** Shows how a run stands, each time it is told. */
export interface ProgressDisplay {
  show(streams: readonly StreamProgress[]): void;
  /** Takes away what is only of use while the run goes on. */
  close(): void;
}

/** On a terminal a table that is drawn anew; elsewhere lines that tell what has changed; nothing where quiet is asked for. */
export async function openProgressDisplay(run: Pick<SyncRun, 'workflowId' | 'startedAt'>): Promise<ProgressDisplay> {
  if (isQuietMode()) return { show: () => undefined, close: () => undefined };
  return process.stderr.isTTY ? openTableDisplay(run) : openLineDisplay();
}

/** Tells how every stream stands, each time that has changed. */
export function createProgressReporter(report: (streams: readonly StreamProgress[]) => void): ProgressDisplay {
  let told = '';
  return {
    show(streams) {
      const now = JSON.stringify(streams);
      if (now !== told) report(streams);
      told = now;
    },
    close: () => undefined,
  };
}

/** The requests per second, from one look to the next. */
function createRateMeter(): (streams: readonly StreamProgress[]) => number | undefined {
  let looks: RequestSample[] = [];
  return (streams) => {
    const requests = streams.reduce((sum, { counts }) => sum + counts.requests, 0);
    looks = addSample(looks, { at: Date.now(), requests });
    return estimateRequestRate(looks);
  };
}

function openLineDisplay(): ProgressDisplay {
  const rate = createRateMeter();
  let told: StreamProgress[] = [];
  return {
    show(streams) {
      const now = keepLastKnown(told, streams);
      for (const line of [formatProgressLine(told, now, rate(now)), formatPausedLine(told, now)]) if (line !== '') logMessage(line);
      told = now;
    },
    close: () => undefined,
  };
}

async function openTableDisplay({ workflowId, startedAt }: Pick<SyncRun, 'workflowId' | 'startedAt'>): Promise<ProgressDisplay> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stderr);
  const rate = createRateMeter();
  let told: StreamProgress[] = [];
  setFooter({ draw: (text) => (text === '' ? update.clear() : update(text)) });
  return {
    show(streams) {
      told = keepLineOrder(told, keepLastKnown(told, streams));
      const columns = process.stderr.columns || 80;
      drawFooter(formatLiveTable({ workflowId, streams: told, requestsPerSecond: rate(told), elapsedMs: Date.now() - startedAt }, columns));
    },
    close() {
      setFooter(undefined);
      update.done();
    },
  };
}

/** Streams keep their lines, whichever of them ends first. */
function keepLineOrder(previous: readonly StreamProgress[], current: readonly StreamProgress[]): StreamProgress[] {
  const lineOf = ({ stream }: StreamProgress): number => {
    const line = previous.findIndex((each) => each.stream === stream);
    return line === -1 ? previous.length : line;
  };
  return current.toSorted((one, other) => lineOf(one) - lineOf(other));
}
