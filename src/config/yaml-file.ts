import { readFile } from 'node:fs/promises';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { ConfigError } from './errors';

/** The keys that lead to a value. */
export type KeyPath = readonly (string | number)[];

export interface YamlContent {
  /** The whole file. */
  text: string;
  content: unknown;
  /** The line, from 1, on which a value begins; undefined when there is none. */
  findLine(path: KeyPath): number | undefined;
  /** A value as it is written; undefined when there is none. */
  getWrittenValue(path: KeyPath): unknown;
}

/**
 * Reads the text of a file.
 * @param example what the file should hold, shown when there is none
 * @throws ConfigError
 */
export async function readProjectText(file: string, example: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw code === 'ENOENT'
      ? new ConfigError(`there is no file ${file}`, file, `Create it, beginning with:\n${example}`, { cause })
      : new ConfigError(`the file ${file} cannot be read (${code})`, file, 'Make it a file that this user may read.', {
          cause,
        });
  }
}

/**
 * @param file names the text in messages
 * @throws ConfigError that repeats nothing of the text
 */
export function parseYaml(text: string, file: string): YamlContent {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [fault] = document.errors;
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    // The parser's message may quote a value; its code does not.
    const what = fault.code.toLowerCase().replaceAll('_', ' ');
    const where = `line ${line}, column ${col}`;
    throw new ConfigError(`the file ${file} is not YAML: ${what} at ${where}`, file, 'Correct it there.');
  }
  try {
    return {
      text,
      content: document.toJS() as unknown,
      findLine(path) {
        const node: unknown = document.getIn(path, true);
        return isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined;
      },
      getWrittenValue(path) {
        const node: unknown = document.getIn(path, true);
        return isNode(node) ? (node.toJS(document) as unknown) : undefined;
      },
    };
  } catch {
    // The error names the alias, which may be a secret that happens to begin with `*`.
    const what = `the file ${file} is not YAML: an alias without its anchor`;
    throw new ConfigError(what, file, 'Put a value that begins with * in quotes.');
  }
}
