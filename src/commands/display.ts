import type { StreamProgress } from '../workflows/contract';
import type { SyncRun } from '../temporal/sync-run';
import { liveTable } from './live-table';
import { drawFooter, narrate, quiet, setFooter } from './narration';
import { rateOf, remember, type Look } from './pace';
import { inSight, pausedLine, progressLine } from './progress';

/** Shows how a run stands, each time it is told. */
export interface Display {
  show(streams: readonly StreamProgress[]): void;
  /** Takes away what is only of use while the run goes on. */
  close(): void;
}

/** On a terminal a table that is drawn anew; elsewhere lines that tell what has changed; nothing where quiet is asked for. */
export async function openDisplay(run: Pick<SyncRun, 'workflowId' | 'begun'>): Promise<Display> {
  if (quiet()) return { show: () => undefined, close: () => undefined };
  return process.stderr.isTTY ? openTable(run) : openLines();
}

/** Tells how every stream stands, each time that has changed. */
export function createTelling(tell: (streams: readonly StreamProgress[]) => void): Display {
  let told = '';
  return {
    show(streams) {
      const now = JSON.stringify(streams);
      if (now !== told) tell(streams);
      told = now;
    },
    close: () => undefined,
  };
}

/** The requests per second, from one look to the next. */
function createRate(): (streams: readonly StreamProgress[]) => number | undefined {
  let looks: Look[] = [];
  return (streams) => {
    const requests = streams.reduce((sum, { counts }) => sum + counts.requests, 0);
    looks = remember(looks, { at: Date.now(), requests });
    return rateOf(looks);
  };
}

function openLines(): Display {
  const rate = createRate();
  let told: StreamProgress[] = [];
  return {
    show(streams) {
      const now = inSight(told, streams);
      for (const line of [progressLine(told, now, rate(now)), pausedLine(told, now)]) if (line !== '') narrate(line);
      told = now;
    },
    close: () => undefined,
  };
}

async function openTable({ workflowId, begun }: Pick<SyncRun, 'workflowId' | 'begun'>): Promise<Display> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(process.stderr);
  const rate = createRate();
  let told: StreamProgress[] = [];
  setFooter({ draw: (text) => (text === '' ? update.clear() : update(text)) });
  return {
    show(streams) {
      told = inOrder(told, inSight(told, streams));
      const columns = process.stderr.columns || 80;
      drawFooter(liveTable({ workflowId, streams: told, rate: rate(told), elapsedMs: Date.now() - begun }, columns));
    },
    close() {
      setFooter(undefined);
      update.done();
    },
  };
}

/** Streams keep their lines, whichever of them ends first. */
function inOrder(before: readonly StreamProgress[], now: readonly StreamProgress[]): StreamProgress[] {
  const lineOf = ({ stream }: StreamProgress): number => {
    const line = before.findIndex((each) => each.stream === stream);
    return line === -1 ? before.length : line;
  };
  return now.toSorted((one, other) => lineOf(one) - lineOf(other));
}
