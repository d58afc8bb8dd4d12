import {
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../../../../src/temporal/embedded-server/embedded-server';

/** Starts a server with the options of its argument, says where on stdout, and lives on or, with `leave`, ends. */
async function own(options: EmbeddedServerOptions, then: 'stay' | 'leave'): Promise<void> {
  // A terminal's Ctrl-C reaches a whole process group; this one lives through it, to see whether its server does.
  process.on('SIGINT', () => process.stdout.write('interrupted\n'));
  const server = await startEmbeddedServer(options);
  process.stdout.write(`${server.address}\n`);
  if (then === 'stay') setInterval(() => undefined, 1000);
}

own(JSON.parse(process.argv[2] ?? '{}') as EmbeddedServerOptions, process.argv[3] === 'leave' ? 'leave' : 'stay').catch(
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exitCode = 1;
  },
);
