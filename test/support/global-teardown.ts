import { rmSync } from 'node:fs';
import type { RunningServers } from './servers';

/** Stops what global-setup.ts has started. */
export default async function stopServers(): Promise<void> {
  const { testServers } = globalThis as { testServers?: RunningServers };
  if (!testServers) return;
  await Promise.all([testServers.temporal.stop(), testServers.postgres.stop()]);
  rmSync(testServers.logFolder, { recursive: true, force: true });
}
