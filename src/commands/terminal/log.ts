import type { Footer, Log, TerminalOutput } from '../../app/command-context';
import { wrapLines } from './text';

/** Writes messages to stderr, above the footer; on a terminal, wrapped to its width. */
export function createLog(stderr: TerminalOutput): Log {
  let footer: Footer | undefined;
  let footerText = '';

  function warn(text: string): void {
    footer?.draw('');
    stderr.write(`${stderr.isTTY ? wrapLines(text, stderr.columns) : text}\n`);
    footer?.draw(footerText);
  }

  const log: Log = {
    quiet: false,
    info(text) {
      if (!log.quiet) warn(text);
    },
    warn,
    temporal({ level, message, meta }) {
      const error = meta?.['error'] as Error | undefined;
      warn(`${level === 'WARN' ? 'warning' : 'error'}: ${message}${error === undefined ? '' : `: ${error.message}`}`);
    },
    setFooter(next) {
      footer?.draw('');
      footer = next;
      footerText = '';
    },
    drawFooter(text) {
      footerText = text;
      footer?.draw(text);
    },
  };
  return log;
}
