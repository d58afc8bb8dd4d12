import { Help } from 'commander';
import Table from 'cli-table3';

/** Columns that a reader's terminal has at least. */
const terminalWidth = 80;

/** A text on lines that fit a terminal as far as its words let it: indented by so many blanks, what follows the first line by two more. */
export function wrapIndented(text: string, indent = 0): string[] {
  return wrapToWidth(text, terminalWidth - indent - 2).map(
    (line, place) => `${' '.repeat(place === 0 ? indent : indent + 2)}${line}`,
  );
}

/** Text behind a lead, likewise, all lines as far in as the first. */
export function wrapAfterLead(lead: string, text: string): string {
  const lines = wrapToWidth(text, terminalWidth - lead.length);
  return lines.map((line, place) => `${place === 0 ? lead : ' '.repeat(lead.length)}${line}`).join('\n');
}

function wrapToWidth(text: string, columns: number): string[] {
  return new Help().boxWrap(text, columns).split('\n');
}

/** A moment by the clock here: `06:30:12`, or `2026-01-31 06:30` when it is not today. */
export function formatMoment(at: string | number, now: Date): string {
  const date = new Date(at);
  const [time, day] = [date.toTimeString().slice(0, 8), formatDay(date)];
  return day === formatDay(now) ? time : `${day} ${time.slice(0, 5)}`;
}

function formatDay(date: Date): string {
  const parts = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return [date.getFullYear(), ...parts].join('-');
}

/** A table for a reader at a terminal, without colours, so that a pipe gets the same: words at the left, numbers at the right. */
export function formatTable(head: string[], rows: (string | number)[][], textColumns = 1): string {
  const table = new Table({
    head,
    colAligns: head.map((_, place) => (place < textColumns ? 'left' : 'right')),
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  table.push(...rows);
  return table.toString();
}
