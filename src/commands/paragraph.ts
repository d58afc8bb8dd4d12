import { Help } from 'commander';

const width = 80;

/** Text behind a lead, in lines of at most 80 columns as far as its words let it, all of them as far in as the first. */
export function paragraph(lead: string, text: string): string {
  const lines = new Help().boxWrap(text, width - lead.length).split('\n');
  return lines.map((line, index) => `${index === 0 ? lead : ' '.repeat(lead.length)}${line}`).join('\n');
}
