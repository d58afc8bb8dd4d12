import type { LogLevel } from '../airbyte/messages';
import type { RunSummary } from './sink';

/** A run's summary in words: a line for each stream and one for the run, of level WARN where something is incomplete. */
export function formatSummaryLog({ run, status, verdict, streams }: RunSummary): { level: LogLevel; message: string }[] {
  const complete = streams.filter((each) => each.status === 'complete').length;
  const records = streams.reduce((sum, each) => sum + each.records, 0);
  const numbers = `${complete} of ${streams.length} streams complete, ${records} records`;
  return [
    ...streams.map((each) => ({
      level: toLogLevel(each.status),
      message: `${each.stream} (${formatCounts(each)}): ${each.verdict}`,
    })),
    { level: toLogLevel(status), message: `run ${run} (${numbers}): ${verdict}` },
  ];
}

function toLogLevel(status: string): LogLevel {
  return status === 'complete' ? 'INFO' : 'WARN';
}

/** The records, and whatever else was counted and is not zero (see SliceCounts). */
function formatCounts({ records, counts }: RunSummary['streams'][number]): string {
  const others = Object.entries(counts).filter(([, count]) => count > 0);
  return [`${records} records`, ...others.map(([name, count]) => `${count} ${name}`)].join(', ');
}
