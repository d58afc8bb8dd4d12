import { createOutput } from '../../src/airbyte/protocol-output';
import { createStdoutSink } from '../../src/sinks/stdout';
import type { Segment } from '../../src/staging/segment';
import { createStaging } from '../../src/staging/staging';
import { segmentsPerDelivery, stream } from './staged-users';

/** The task of the program: what it writes to standard output. */
export interface OutputTask {
  /** Folder of the staging. */
  staging: string;
  segments: Segment[];
}

async function main({ staging: folder, segments }: OutputTask): Promise<void> {
  const staging = createStaging(folder);
  const output = createOutput(process.stdout, { level: 'INFO', secrets: new Set() });
  const sink = createStdoutSink({ output, staging, initialState: {} });
  for (let first = 0; first < segments.length; first += segmentsPerDelivery) {
    const sequence = first / segmentsPerDelivery;
    const status = sequence === 0 ? { status: 'STARTED' as const } : {};
    const delivery = {
      run: 'run',
      stream,
      sequence,
      segments: segments.slice(first, first + segmentsPerDelivery),
      ...status,
    };
    await sink.deliver({ ...delivery, state: { sequence } });
  }
  await sink.close();
}

void main(JSON.parse(process.argv[2] ?? '') as OutputTask);
