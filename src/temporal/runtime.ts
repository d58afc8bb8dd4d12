import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';
import { plainEntry } from './plain-log';

/**
 * Installs Temporal's runtime. Must be the first statement of every process that speaks to Temporal, and runs once per
 * process: left to itself, Core prints its warnings on stdout, in colour, in the middle of an Airbyte stream. A logger
 * alone does not change that; only `forward` does.
 *
 * `log` gets the warnings and errors of workers, workflows and activities, in plain words; without it they go to stderr.
 */
export function installRuntime(options: { log?: (entry: LogEntry) => void } = {}): void {
  const stderr = new DefaultLogger('WARN');
  const log = options.log ?? ((entry: LogEntry) => stderr.log(entry.level, entry.message, entry.meta));
  Runtime.install({
    logger: new DefaultLogger('WARN', (entry) => {
      const plain = plainEntry(entry);
      if (plain) log(plain);
    }),
    telemetryOptions: { logging: { forward: {}, filter: 'WARN' } },
  });
}
