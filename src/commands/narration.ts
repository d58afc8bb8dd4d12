import type { LogEntry } from '@temporalio/worker';

/** What stands below the narration and is drawn anew in its place, where a terminal can do that. */
export interface Footer {
  /** Draws the text, in place of what it drew before; an empty one takes it away. */
  draw(text: string): void;
}

let isQuiet = false;
let footer: Footer | undefined;
let drawn = '';

/** Has `narrate` say nothing from now on. */
export function beQuiet(): void {
  isQuiet = true;
}

export function quiet(): boolean {
  return isQuiet;
}

/** Says something about the work on stderr, apart from its result. */
export function narrate(text: string): void {
  if (!isQuiet) warn(text);
}

/** As `narrate`, for what must be heard all the same. */
export function warn(text: string): void {
  footer?.draw('');
  process.stderr.write(`${text}\n`);
  footer?.draw(drawn);
}

/** A warning or an error of Temporal's. */
export function warnOf({ level, message, meta }: LogEntry): void {
  const error = meta?.['error'] as Error | undefined;
  warn(`${level === 'WARN' ? 'warning' : 'error'}: ${message}${error === undefined ? '' : `: ${error.message}`}`);
}

/** Sets what stands below the narration; undefined: nothing, from now on. */
export function setFooter(next: Footer | undefined): void {
  footer?.draw('');
  footer = next;
  drawn = '';
}

export function drawFooter(text: string): void {
  drawn = text;
  footer?.draw(text);
}
