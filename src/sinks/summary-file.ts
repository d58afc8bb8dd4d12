import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from './atomic-file';
import { readFileIfPresent } from './manifest-file';
import type { RunSummary } from './sink';

export const summaryFileName = 'summary.json';

/** What a summary of ours has whatever the version: enough to tell whose run it is of. */
const storedSummarySchema = z.object({
  run: z.string(),
  status: z.string(),
  verdict: z.string(),
  streams: z.array(z.unknown()),
});

/**
 * Makes the summary the destination's `summary.json`, whole and with all that the caller's object carries, unless the
 * one there is of a later run. What is no summary gives way: nothing depends on it, and each run brings a new one.
 */
export async function writeSummaryFile(directory: string, summary: RunSummary): Promise<void> {
  const path = join(directory, summaryFileName);
  const held = parseSummaryRun(await readFileIfPresent(path));
  if (held !== undefined && held > summary.run) return;
  // One of the same run is written again: its name may not have been made durable before a crash.
  await writeFileAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(summary, undefined, 2)}\n`));
}

/** The run that a summary is of; undefined when the text is no summary. */
function parseSummaryRun(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return storedSummarySchema.safeParse(JSON.parse(text)).data?.run;
  } catch {
    return undefined;
  }
}
