import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Document, parseDocument } from 'yaml';
import { ConfigError } from '../errors';
import { parseWithSchema } from './problems';
import { projectSettings, type WrittenConnection } from './project-file';
import { createProjectSchema } from './project-json-schema';

/** Where the schema lies that a new file names for editors, beside the file. */
const schemaPath = join('.rollcall', 'rollcall.schema.json');

/**
 * Writes a connection into a project's file: a new file, or one more connection of a file that is there, whose comments
 * and order stay. Nothing that is there is overwritten.
 * @throws ConfigError when the file has a connection of that name, or would not be a project's file afterwards
 */
export async function writeConnection(file: string, name: string, settings: WrittenConnection): Promise<void> {
  const held = await readIfExists(file);
  const document = held === undefined ? createDocument() : parseDocument(held);
  if (document.hasIn(['connections', name])) {
    const where = `connections.${name}`;
    throw new ConfigError(
      `${file} already contains a connection ${name}`,
      where,
      'Use another name, or edit the file.',
    );
  }
  if (document.getIn(['connections']) == null) document.setIn(['connections'], document.createNode({}));
  document.setIn(['connections', name], document.createNode(settings));
  const text = document.toString({ lineWidth: 0 });
  parseWithSchema(projectSettings, parseDocument(text).toJS(), `the new content of ${file}`, 'Edit the file by hand.');
  if (held === undefined) await createProjectFile(file, text);
  else await replaceFile(file, text);
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

/** The file, and the schema that its first line names. */
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

/** In one step, with the rights that the file has, and behind a link that leads to it. */
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
