/** Columns that a reader's terminal has at least. */
const width = 80;

/** A text on lines that fit a terminal: indented by so many blanks, what follows the first line by two more. */
export function fold(text: string, indent = 0): string[] {
  const room = width - indent - 2;
  const pieces = text.match(new RegExp(`\\S.{0,${room - 1}}(?=\\s|$)|\\S{${room}}`, 'g')) ?? [''];
  return pieces.map((piece, place) => `${' '.repeat(place === 0 ? indent : indent + 2)}${piece.trimEnd()}`);
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
