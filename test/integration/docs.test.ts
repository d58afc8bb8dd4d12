import { writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { runCli, startCli } from '../support/cli';
import { catalogFor } from '../support/compare-copy';
import { findCodeBlocks, type Page, readPages } from '../support/documentation';
import { createNamespace } from '../support/servers';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

/** Commands of the documentation that cannot run here. */
const excludedCommands: { pattern: RegExp; reason: string }[] = [
  { pattern: /^npm /, reason: 'installs, tests or measures for minutes' },
  { pattern: /^docker /, reason: 'needs Docker' },
  { pattern: /^kubectl /, reason: 'needs a Kubernetes cluster' },
  { pattern: /^temporal /, reason: "is Temporal's own program" },
  { pattern: /^export TEMPORAL_ADDRESS=/, reason: 'the test sets the address of its server' },
  { pattern: /^rollcall worker\b/, reason: 'runs until it is stopped; the test runs a worker' },
];

/** Pages about the code, whose readers run no commands of a user. */
const pagesWithoutExamples = ['CONTRIBUTING.md', 'docs/architecture.md', 'docs/spec.md'];

const credentialVariables = { AUTH0_CLIENT_SECRET: '', GLOBEX_SECRET: 'not used' };
const scratch = scratchFolder();
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
  credentialVariables.AUTH0_CLIENT_SECRET = tenant.clientSecret;
});
afterAll(() => tenant.close());

/** A command line of the documentation. */
interface Command {
  location: string;
  /** The block that contains it. */
  block: string;
  line: string;
}

function findCommands(page: Page): Command[] {
  return findCodeBlocks(page, 'sh').flatMap(({ location, text }) => {
    const lines = text.replaceAll('\\\n', ' ').trim().split('\n');
    return lines.map((line) => ({ location, block: text, line }));
  });
}

function isExcluded({ line }: Command): boolean {
  return excludedCommands.some(({ pattern }) => pattern.test(line));
}

/** The words of a command line, with quotes removed, and the file that its output goes to. */
function parseCommand(line: string): { words: string[]; outputFile?: string } {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, one, other, plain]) => one ?? other ?? plain ?? '',
  );
  const redirection = words.indexOf('>');
  if (redirection < 0) return { words };
  return { words: words.slice(0, redirection), outputFile: words[redirection + 1] ?? '' };
}

/** The files that the examples name: a project with the connection acme, and those of an Airbyte source. */
async function writeExampleFiles(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { url, clientId, clientSecret } = tenant;
  const project = [
    'connections:',
    '  acme:',
    `    base_url: ${url}`,
    `    credentials: { client_id: ${clientId}, client_secret: env:AUTH0_CLIENT_SECRET }`,
    '    destination: { files: ./data }',
    '',
  ];
  await writeFile(join(folder, 'rollcall.yaml'), project.join('\n'));
  const authType = 'oauth2_confidential_application';
  const credentials = { auth_type: authType, client_id: clientId, client_secret: clientSecret };
  const files = { config: { base_url: url, credentials }, catalog: catalogFor(['clients', 'users']), state: [] };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, `${name}.json`), JSON.stringify(content));
  }
}

const pages = readPages().map((page) => [page.path, page] as const);
const pagesWithExamples = pages.filter(([path]) => !pagesWithoutExamples.includes(path));

it.each(pagesWithExamples)('the commands in %s succeed, in their order', async (path, page) => {
  const commands = findCommands(page).filter((command) => !isExcluded(command));
  expect(commands.length).toBeGreaterThan(0);
  const folder = join(scratch, path);
  await writeExampleFiles(folder);
  const { env: server } = await createNamespace();
  const env = { ...server, ...credentialVariables };
  const worker = startCli(['worker'], { cwd: folder, env });
  await worker.waitForOutput('Polling task queue');
  try {
    for (const { location, block, line } of commands) {
      // A command about a running sync must find one.
      tenant.updateSettings({ latencyMs: block.includes('--detach') ? 200 : 0 });
      const { words, outputFile } = parseCommand(line);
      const [program, ...args] = words;
      expect([location, program]).toEqual([location, expect.stringMatching(/^(rollcall|source-auth0)$/)]);
      const ended = await runCli(args, { program: program as 'rollcall', cwd: folder, env });
      const report = `${location}: ${line}\n${ended.stdout.slice(-2_000)}${ended.stderr}`;
      expect({ code: ended.code, report }).toEqual({ code: 0, report });
      // `check` answers with code 0, whatever the result.
      if (args[0] === 'check') expect(report).toContain('"SUCCEEDED"');
      if (outputFile !== undefined) writeFileSync(join(folder, outputFile), ended.stdout);
    }
  } finally {
    worker.interrupt();
    await worker.ended;
  }
});

it('excludes no command without need', () => {
  const commands = pages.flatMap(([, page]) => findCommands(page));
  for (const { pattern, reason } of excludedCommands) {
    expect([reason, commands.some(({ line }) => pattern.test(line))]).toEqual([reason, true]);
  }
  const described = pages.map(([path]) => path);
  expect(described).toEqual(expect.arrayContaining(pagesWithoutExamples.filter((path) => path !== 'docs/spec.md')));
});
