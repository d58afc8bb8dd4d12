import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Document, parseDocument } from 'yaml';
import { ConfigError } from '../errors';
import { parseWithSchema } from './problems';
import { projectSchema, type WrittenConnection } from './project-file';
import { createProjectSchema } from './project-json-schema';

/** The schema that editors use for a new file, relative to the file. */
const schemaPath = join('.rollcall', 'rollcall.schema.json');

/**
 * Adds a connection to a project file, which is created if it does not exist. Comments and order are kept; nothing is
 * overwritten.
 * @throws ConfigError when the file contains a connection of that name, or would be invalid afterwards
 */
export async function writeConnection(file: string, name: string, settings: WrittenConnection): Promise<void> {
  const current = await readIfExists(file);
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

async function readIfExists(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Creates the file, and the schema that its first line refers to. */
async function createProjectFile(file: string, text: string): Promise<void> {
  const schema = join(dirname(file), schemaPath);
  await mkdir(dirname(schema), { recursive: true });
  await writeFile(schema, `${JSON.stringify(createProjectSchema(), undefined, 2)}\n`);
  await writeThroughTempFile(file, text, async (draft) => {
    try {
      await link(draft, file);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      const nextStep = 'Run the command again.';
      throw new ConfigError(`${file} was created by another process`, file, nextStep, { cause });
    }
  });
}

/** Replaces the file atomically, with its permissions; follows symbolic links. */
async function replaceFile(path: string, text: string): Promise<void> {
  const file = await realpath(path);
  const { mode } = await stat(file);
  await writeThroughTempFile(file, text, async (draft) => {
    await chmod(draft, mode);
    await rename(draft, file);
  });
}

async function writeThroughTempFile(
  file: string,
  text: string,
  commit: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await commit(draft);
  } finally {
    await rm(draft, { force: true });
  }
}
