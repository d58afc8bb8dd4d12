import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from './atomic-file';
import { readIfPresent } from './manifest-file';
import type { RunSummary } from './sink';

export const summaryName = 'summary.json';

/** What a summary of ours has whatever the version: enough to tell whose run it is of. */
const heldSummary = z.object({
  run: z.string(),
  status: z.string(),
  verdict: z.string(),
  streams: z.array(z.unknown()),
});

/**
 * Makes the summary the destination's `summary.json`, whole and with all that the caller's object carries, unless the
 * one there is of a later run. What is no summary gives way: nothing depends on it, and each run brings a new one.
 */
export async function writeSummary(directory: string, summary: RunSummary): Promise<void> {
  const path = join(directory, summaryName);
  const held = runOf(await readIfPresent(path));
  if (held !== undefined && held > summary.run) return;
  // One of the same run is written again: its name may not have been made durable before a crash.
  await writeAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(summary, undefined, 2)}\n`));
}

/** The run that a summary is of; undefined when the text is no summary. */
function runOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return heldSummary.safeParse(JSON.parse(text)).data?.run;
  } catch {
    return undefined;
  }
}
