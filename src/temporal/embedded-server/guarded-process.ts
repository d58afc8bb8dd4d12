import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Runs a command ("$@") and kills it as soon as standard input ends, which the kernel sees to when the process at its
 * other end dies, however it dies. The guard is a subshell that waits in `read`; the outer shell waits for the command
 * and passes its exit code on. From the second redirection on the shells are silent: only the command writes.
 */
const GUARD = `
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
  /** Exit code of the command once it has ended; above 128 when a signal ended it. */
  exited: Promise<number>;
  isRunning(): boolean;
  /** Kills the command (SIGKILL); ends when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a command that dies with this process, even by SIGKILL, and writes to the open file `output` only. It has a
 * session of its own, so a Ctrl-C in the terminal reaches us alone, and the variables `env` only. It does not keep this
 * process from ending.
 */
export function spawnGuarded(command: readonly string[], output: number, env: NodeJS.ProcessEnv = {}): GuardedProcess {
  const child = spawn('/bin/sh', ['-c', GUARD, 'sh', ...command], {
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
  // Writing nothing, the pipe can only fail when its other end is gone, which the exit tells as well.
  input?.on('error', () => undefined);
}
