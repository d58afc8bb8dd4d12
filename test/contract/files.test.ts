import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseState } from '../../src/airbyte/state';
import type { JsonObject } from '../../src/json';
import { createFilesSink } from '../../src/sinks/files';
import { readFilesDestination } from '../../src/sinks/files-reader';
import { describeDurableSink } from './durable-sink';
import { describeSink, type BeginSink } from './sink';

const files: BeginSink = ({ directory, staging }) => ({
  open: () => createFilesSink({ directory, staging }),
  async held(stream) {
    const held: JsonObject[] = [];
    for await (const record of readFilesDestination(directory)) if (record.stream === stream) held.push(record.data);
    return held;
  },
  states: () => Promise.resolve(parseState(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')))),
  told: () => Promise.resolve(readFileSync(join(directory, 'summary.json'), 'utf8')),
});

describeSink('files', files);
describeDurableSink('files', files);
