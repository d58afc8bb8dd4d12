import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Document, parseDocument } from 'yaml';
import { ifPresent, writeFileAtomically } from '../durable-fs';
import { ConfigError } from '../errors';
import { parseWithSchema } from './problems';
import { projectSchema, type WrittenConnection } from './project-file';
import { createProjectSchema } from './published-schemas';

/** The schema that editors use for a new file, relative to the file. */
const schemaPath = join('.rollcall', 'rollcall.schema.json');

/**
 * Adds a connection to a project file, which is created if it does not exist. Comments and order are kept; nothing is
 * overwritten.
 * @throws ConfigError when the file contains a connection of that name, or would be invalid afterwards
 */
export async function writeConnection(file: string, name: string, settings: WrittenConnection): Promise<void> {
  const current = await ifPresent(readFile(file, 'utf8'));
  const document = current === undefined ? createDocument() : parseDocument(current);
  if (document.hasIn(['connections', name])) throw createDuplicateNameError(file, name);
  if (document.getIn(['connections']) == null) document.setIn(['connections'], document.createNode({}));
  document.setIn(['connections', name], document.createNode(settings));
  const text = document.toString({ lineWidth: 0 });
  parseWithSchema(projectSchema, parseDocument(text).toJS(), {
    subject: `the new content of ${file}`,
    nextStep: 'Edit the file by hand.',
  });
  if (current === undefined) await createProjectFile(file, text);
  else await replaceFile(file, text);
}

export function createDuplicateNameError(file: string, name: string): ConfigError {
  const what = `${file} already contains a connection ${name}`;
  return new ConfigError(what, `connections.${name}`, 'Use another name, or edit the file.');
}

function createDocument(): Document {
  const document = new Document({});
  document.commentBefore = [
    ` yaml-language-server: $schema=./${schemaPath}`,
    " The connections of this project. Rollcall's docs/configuration.md lists all keys.",
  ].join('\n');
  return document;
}

/** Creates the file, and the schema that its first line refers to. */
async function createProjectFile(file: string, text: string): Promise<void> {
  const schema = join(dirname(file), schemaPath);
  await mkdir(dirname(schema), { recursive: true });
  await writeFile(schema, `${JSON.stringify(createProjectSchema(), undefined, 2)}\n`);
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await link(draft, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new ConfigError(`${file} was created by another process`, file, 'Run the command again.', { cause });
  } finally {
    await rm(draft, { force: true });
  }
}

/** Replaces the file atomically, with its permissions; follows symbolic links. */
async function replaceFile(path: string, text: string): Promise<void> {
  const file = await realpath(path);
  const { mode } = await stat(file);
  await writeFileAtomically(file, async (draft) => {
    await draft.chmod(mode);
    await draft.writeFile(text);
  });
}
