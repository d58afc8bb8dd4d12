import { type Emulator, type EmulatorOptions, startEmulator } from 'auth0-emulator';
import { installRuntime } from '../../src/temporal/runtime';
import { type CliResult, type RunningCli, runCli, startCli } from './cli';
import { projectFor } from './compare-copy';
import { createNamespace, type TestNamespace } from './servers';

/** A project folder with one connection, `acme`, to a tenant, and a Temporal namespace for its syncs. */
export interface TestProject {
  folder: string;
  tenant: Emulator;
  namespace: TestNamespace;
  /** Environment of its commands. */
  env: Record<string, string>;
  /** Runs a command in the folder, in this process. */
  run(...args: string[]): Promise<CliResult>;
  /** Runs a command that must succeed; resolves to all that it wrote. */
  runOk(...args: string[]): Promise<string>;
  start(...args: string[]): RunningCli;
  /** Starts a worker in this process; resolves when it polls. */
  startWorker(): Promise<RunningCli>;
  close(): Promise<void>;
}

const intervals = { progressMs: 50, logsMs: 50, serverExitMs: 50, serverMetricsMs: 200 };

/**
 * @param folder an empty one
 * @param env added to the environment of its commands
 */
export async function openProject(
  folder: string,
  tenantOptions: EmulatorOptions,
  env: Record<string, string> = {},
): Promise<TestProject> {
  // Before the suite connects: without it the first connection would install a runtime that prints.
  installRuntime({ log: () => undefined });
  const [tenant, namespace] = await Promise.all([startEmulator(tenantOptions), createNamespace()]);
  projectFor(folder, tenant);
  const options = { cwd: folder, env: { ...namespace.env, ROLLCALL_HEARTBEAT_SECONDS: '2', ...env }, intervals };
  const started: RunningCli[] = [];
  const start = (...args: string[]): RunningCli => {
    const command = startCli(args, options);
    started.push(command);
    return command;
  };
  return {
    folder,
    tenant,
    namespace,
    env: options.env,
    start,
    run: (...args) => runCli(args, options),
    async runOk(...args) {
      const { code, stdout, stderr } = await runCli(args, options);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr });
      return stdout + stderr;
    },
    async startWorker() {
      const worker = start('worker');
      await worker.waitForOutput('Polling task queue');
      return worker;
    },
    async close() {
      // Requests under way end before their worker does.
      tenant.updateSettings({ latencyMs: 0 });
      for (const command of started) command.interrupt();
      await Promise.all(started.map(({ ended }) => ended));
      await tenant.close();
    },
  };
}
