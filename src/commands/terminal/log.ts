import type { LogEntry } from '@temporalio/worker';

/** What stands below the narration and is drawn anew in its place, where a terminal can do that. */
export interface Footer {
  /** Draws the text, in place of what it drew before; an empty one takes it away. */
  draw(text: string): void;
}

let quietMode = false;
let footer: Footer | undefined;
let footerText = '';

/** Has `narrate` say nothing from now on. */
export function enableQuietMode(): void {
  quietMode = true;
}

export function isQuietMode(): boolean {
  return quietMode;
}

/** Says something about the work on stderr, apart from its result. */
export function logMessage(text: string): void {
  if (!quietMode) logWarning(text);
}

/** As `narrate`, for what must be heard all the same. */
export function logWarning(text: string): void {
  footer?.draw('');
  process.stderr.write(`${text}\n`);
  footer?.draw(footerText);
}

/** A warning or an error of Temporal's. */
export function logTemporalEntry({ level, message, meta }: LogEntry): void {
  const error = meta?.['error'] as Error | undefined;
  logWarning(`${level === 'WARN' ? 'warning' : 'error'}: ${message}${error === undefined ? '' : `: ${error.message}`}`);
}

/** Sets what stands below the narration; undefined: nothing, from now on. */
export function setFooter(next: Footer | undefined): void {
  footer?.draw('');
  footer = next;
  footerText = '';
}

export function drawFooter(text: string): void {
  footerText = text;
  footer?.draw(text);
}
