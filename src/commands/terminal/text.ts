import Table from 'cli-table3';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Columns of output that does not adapt to the terminal. */
export const defaultColumns = 80;

/** Wraps a text at words. Words that are too long, such as URLs, stay whole. */
export function wrapText(text: string, columns: number): string {
  return wrapAnsi(text, columns);
}

/** Wraps the lines that are wider than `columns`; without it, none. */
export function wrapLines(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .map((line) => (stringWidth(line) > columns ? wrapText(line, columns) : line))
    .join('\n');
}

/** A paragraph of at most 80 columns. The lines after the first are indented by two more columns. */
export function wrapIndented(text: string, indent = 0): string[] {
  return wrapText(text, defaultColumns - indent - 2)
    .split('\n')
    .map((line, index) => `${' '.repeat(index === 0 ? indent : indent + 2)}${line}`);
}

/** A paragraph of at most 80 columns that starts with `lead` and is indented by its length. */
export function wrapAfterLead(lead: string, text: string): string {
  const lines = wrapLines(text.trimEnd(), defaultColumns - lead.length);
  return lead + lines.replaceAll('\n', `\n${' '.repeat(lead.length)}`);
}

/** Cuts a text that is wider than `columns`, with `…` at the end. */
export function truncateText(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let cut = '';
  for (const character of text) {
    if (stringWidth(cut + character) > columns - 1) break;
    cut += character;
  }
  return columns > 0 ? `${cut}…` : '';
}

/** Pads a text on the right to a width. */
export function padText(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)));
}

/** `1 error`, `2 errors` */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Local time: `06:30:12`, or `2026-01-31 06:30` when it is not today. */
export function formatMoment(at: string | number, now: Date): string {
  const date = new Date(at);
  const [time, day] = [date.toTimeString().slice(0, 8), formatDay(date)];
  return day === formatDay(now) ? time : `${day} ${time.slice(0, 5)}`;
}

function formatDay(date: Date): string {
  const parts = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return [date.getFullYear(), ...parts].join('-');
}

/** A table without colors, the same for a terminal and a pipe. The first columns are text, aligned left; the others numbers. */
export function formatTable(head: string[], rows: (string | number)[][], textColumns = 1): string {
  const table = new Table({
    head,
    colAligns: head.map((_, index) => (index < textColumns ? 'left' : 'right')),
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  table.push(...rows);
  return table.toString();
}
