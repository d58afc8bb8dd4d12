import { createOutput } from '../../../src/airbyte/protocol-output';
import { createStdoutSink } from '../../../src/sinks/stdout';
import { AirbyteDestination } from '../../support/contract/airbyte-destination';
import { describeSink } from '../../support/contract/sink';

describeSink('stdout', ({ staging, catalog }) => {
  const destination = new AirbyteDestination(catalog);
  return {
    open: () => {
      const output = createOutput(destination.begin(), { level: 'INFO', secrets: new Set() });
      return Promise.resolve(createStdoutSink({ output, staging, initialState: { ...destination.states } }));
    },
    held: (stream) => Promise.resolve(destination.held(stream)),
    states: () => Promise.resolve({ ...destination.states }),
    told: () => Promise.resolve(destination.messages.map(({ log }) => log?.message ?? '').join('\n')),
  };
});
