import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';

/** Warnings about workers that have only workflows or only activities, which ours have on purpose. */
const MEANT = /^No (activities|workflows) registered, not polling/;

/**
 * Installs Temporal's runtime. Must be the first statement of every process that speaks to Temporal, and runs once per
 * process: left to itself, Core prints its warnings on stdout, in colour, in the middle of an Airbyte stream. A logger
 * alone does not change that; only `forward` does.
 *
 * `log` gets every warning and error of workers, workflows and activities; without it they go to stderr.
 */
export function installRuntime(options: { log?: (entry: LogEntry) => void } = {}): void {
  const stderr = new DefaultLogger('WARN');
  const log = options.log ?? ((entry: LogEntry) => stderr.log(entry.level, entry.message, entry.meta));
  Runtime.install({
    logger: new DefaultLogger('WARN', (entry) => {
      if (!MEANT.test(entry.message)) log(entry);
    }),
    telemetryOptions: { logging: { forward: {}, filter: 'WARN' } },
  });
}
