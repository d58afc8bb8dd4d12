// Downloads the Temporal CLI with the SDK: node download-program.js FOLDER VERSION. Run by binary.ts,
// which ends this process once the file is there. The SDK then starts the file as a server, unless it cannot bind the
// address, which belongs to no machine (RFC 5737): only the download is wanted.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [, , downloadDir = '', version = ''] = process.argv;
process.once('disconnect', () => process.exit());
process.send?.({});
void TestWorkflowEnvironment.createLocal({
  server: { ip: '192.0.2.1', executable: { type: 'cached-download', downloadDir, version } },
}).catch((error: unknown) => {
  process.send?.({ problem: rootOf(error as Error) }, () => process.exit());
});

/** The SDK's message repeats itself at each level of the error; what follows the address is the reason. */
function rootOf({ message }: Error): string {
  return message.replace(
    /^.*(failed to download ephemeral server executable|error sending request for url \(.*?\)): /,
    '',
  );
}
