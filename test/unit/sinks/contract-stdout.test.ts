import { createOutput } from '../../../src/airbyte/protocol-output';
import { createStdoutSink } from '../../../src/sinks/stdout';
import { AirbyteDestination } from '../../support/contract/airbyte-destination';
import { describeSink } from '../../support/contract/sink';

describeSink('stdout', ({ staging, catalog }) => {
  const destination = new AirbyteDestination(catalog);
  return {
    open: () => {
      const output = createOutput(destination.openPipe(), { level: 'INFO', secrets: new Set() });
      return Promise.resolve(createStdoutSink({ output, staging, initialState: { ...destination.states } }));
    },
    readRecords: (stream) => Promise.resolve(destination.getRecords(stream)),
    readStates: () => Promise.resolve({ ...destination.states }),
    readSummaries: () => Promise.resolve(destination.messages.map(({ log }) => log?.message ?? '').join('\n')),
  };
});
