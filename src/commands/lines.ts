import { Help } from 'commander';

/** Columns that a reader's terminal has at least. */
const width = 80;

/** A text on lines that fit a terminal as far as its words let it: indented by so many blanks, what follows the first line by two more. */
export function fold(text: string, indent = 0): string[] {
  return wrapped(text, width - indent - 2).map(
    (line, place) => `${' '.repeat(place === 0 ? indent : indent + 2)}${line}`,
  );
}

/** Text behind a lead, likewise, all lines as far in as the first. */
export function paragraph(lead: string, text: string): string {
  const lines = wrapped(text, width - lead.length);
  return lines.map((line, place) => `${place === 0 ? lead : ' '.repeat(lead.length)}${line}`).join('\n');
}

function wrapped(text: string, columns: number): string[] {
  return new Help().boxWrap(text, columns).split('\n');
}

/** A moment by the clock here: `06:30:12`, or `2026-01-31 06:30` when it is not today. */
export function moment(at: string | number, now: Date): string {
  const date = new Date(at);
  const [time, day] = [date.toTimeString().slice(0, 8), dayOf(date)];
  return day === dayOf(now) ? time : `${day} ${time.slice(0, 5)}`;
}

function dayOf(date: Date): string {
  const parts = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return [date.getFullYear(), ...parts].join('-');
}
