import Table from 'cli-table3';

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
