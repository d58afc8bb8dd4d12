import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Runs a command ("$@") and kills it when standard input ends. The kernel closes that pipe when the parent process dies,
 * however it dies. The guard is a subshell that waits in `read`. The outer shell waits for the command and exits with its
 * code. From the second redirection on, only the command writes output.
 */
const guardScript = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
exec 2>/dev/null
{ read -r _ <&3; kill -KILL "$server"; } &
guard=$!
exec 3<&-
wait "$server"
code=$?
kill -KILL "$guard"
exit "$code"
`;

export interface GuardedProcess {
  /** Leader of the command's process group. */
  pid: number | undefined;
  /** Exit code of the command; above 128 when a signal ended it. */
  exited: Promise<number>;
  isRunning(): boolean;
  /** Kills the command by SIGKILL. Resolves when it has ended. */
  kill(): Promise<void>;
}

/**
 * Starts a command that ends with this process, even by SIGKILL, and writes to the open file `output`. It has a session of
 * its own, so Ctrl-C in the terminal does not reach it, and only the variables `env`. It does not keep this process alive.
 */
export function spawnGuarded(command: readonly string[], output: number, env: NodeJS.ProcessEnv = {}): GuardedProcess {
  const child = spawn('/bin/sh', ['-c', guardScript, 'sh', ...command], {
    stdio: ['pipe', output, output],
    detached: true,
    env,
  });
  const exited = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 137));
  });
  detach(child);
  return {
    pid: child.pid,
    exited,
    isRunning: () => child.pid !== undefined && child.exitCode === null && child.signalCode === null,
    async kill() {
      child.ref();
      child.stdin?.destroy();
      await exited;
    },
  };
}

function detach(child: ChildProcess): void {
  child.unref();
  const input = child.stdin as unknown as { unref(): void; on(event: 'error', listener: () => void): void } | null;
  input?.unref();
  // Nothing is written, so the pipe fails only when its other end is closed; `exited` reports that as well.
  input?.on('error', () => undefined);
}
