import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseState } from '../../../src/airbyte/stream-state';
import type { JsonObject } from '../../../src/json';
import { createFilesSink } from '../../../src/sinks/files/sink';
import { createFilesStateStore } from '../../../src/sinks/files/state-store';
import { describeDurableSink } from '../../support/contract/durable-sink';
import { describeSink } from '../../support/contract/sink';
import { type CreateDurableHarness, describeStateStore } from '../../support/contract/state-store';
import { readFilesDestination } from '../../support/files-reader';

const createFilesHarness: CreateDurableHarness = ({ directory, staging }) => ({
  openStateStore: () => createFilesStateStore(directory),
  open: () => createFilesSink({ directory, staging }),
  async readRecords(stream) {
    const records: JsonObject[] = [];
    for await (const record of readFilesDestination(directory)) if (record.stream === stream) records.push(record.data);
    return records;
  },
  readStates: () => Promise.resolve(parseState(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')))),
  readSummaries: () => Promise.resolve(readFileSync(join(directory, 'summary.json'), 'utf8')),
});

describeSink('files', createFilesHarness);
describeDurableSink('files', createFilesHarness);
describeStateStore('files', createFilesHarness);
