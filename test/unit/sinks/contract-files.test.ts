import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseState } from '../../../src/airbyte/stream-state';
import type { JsonObject } from '../../../src/json';
import { readFilesDestination } from '../../support/files-reader';
import { createFilesSink } from '../../../src/sinks/files/sink';
import { createFilesStateStore } from '../../../src/sinks/files/state-store';
import { describeDurableSink } from '../../support/contract/durable-sink';
import { describeSink } from '../../support/contract/sink';
import { type BeginKeptSink, describeStateKeeper } from '../../support/contract/state-keeper';

const files: BeginKeptSink = ({ directory, staging }) => ({
  keeper: () => createFilesStateStore(directory),
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
describeStateKeeper('files', files);
