import { createOutput } from '../src/airbyte/protocol-output';
import { createStdoutSink } from '../src/sinks/stdout';
import type { Segment } from '../src/staging/segment';
import { createStaging } from '../src/staging/staging';
import { segmentsPerStep, stream } from './staged-users';

/** What a process of its own is to write to standard output. */
export interface OutputTask {
  /** Folder of the staging. */
  staging: string;
  segments: Segment[];
}

async function main({ staging: folder, segments }: OutputTask): Promise<void> {
  const staging = createStaging(folder);
  const output = createOutput(process.stdout, { level: 'INFO', secrets: new Set() });
  const sink = createStdoutSink({ output, staging, initialState: {} });
  for (let first = 0; first < segments.length; first += segmentsPerStep) {
    const sequence = first / segmentsPerStep;
    const status = sequence === 0 ? { status: 'STARTED' as const } : {};
    const step = { run: 'run', stream, sequence, segments: segments.slice(first, first + segmentsPerStep), ...status };
    await sink.deliver({ ...step, state: { sequence } });
  }
  await sink.close();
}

void main(JSON.parse(process.argv[2] ?? '') as OutputTask);
