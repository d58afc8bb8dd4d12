/** Which modules may import which; docs/architecture.md gives the reasons. Type-only imports count unless a rule says otherwise. */

/**
 * The rooms of src from the bottom to the top, each with the rooms it may import beside `ground`, the files directly in src.
 * A room imports only rooms above it in this table, so no circle between rooms is possible.
 */
const rooms = {
  ground: [],
  airbyte: [],
  auth0: [],
  staging: [],
  streams: ['airbyte', 'auth0', 'staging'],
  sinks: ['airbyte', 'staging'],
  config: ['airbyte', 'auth0', 'streams'],
  metrics: [],
  activities: ['auth0', 'config', 'sinks', 'staging', 'streams'],
  workflows: ['activities', 'airbyte', 'metrics', 'staging', 'streams'],
  temporal: ['config', 'metrics', 'streams', 'workflows'],
  preflight: ['activities', 'auth0', 'config', 'sinks', 'staging', 'streams', 'temporal'],
  app: ['activities', 'auth0', 'config', 'metrics', 'sinks', 'staging', 'streams', 'temporal', 'workflows'],
  commands: ['activities', 'airbyte', 'app', 'config', 'preflight', 'sinks', 'streams', 'temporal', 'workflows'],
  cli: ['airbyte', 'app', 'commands'],
};

const pathOf = (room) => (room === 'ground' ? '^src/[^/]+[.]ts$' : `^src/${room}/`);
/** `src/cli.ts` and `src/worker.ts` only call the room `cli`. */
const entryPoints = '^src/(cli|worker)[.]ts$';

const roomRules = Object.entries(rooms).map(([room, imports]) => ({
  name: `imports-of-${room}`,
  severity: 'error',
  comment: `${room} imports only ${['ground', ...imports].join(', ')}.`,
  from: { path: pathOf(room), pathNot: entryPoints },
  to: { path: '^src/', pathNot: [room, 'ground', ...imports].map(pathOf) },
}));

/**
 * Modules that workflow code runs. Workflows are replayed, so these have no state, clock or randomness, and use neither Node nor
 * the network.
 */
const pureModules =
  '^src/(errors|json|protocol|timestamp|metrics/metrics|workflows/.+|airbyte/stream-state|staging/segment|streams/(counts|fetch-task|partition))[.]ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Modules that import each other are one module, or need a third. Types may refer to each other.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'No module imports it, and it imports none.',
      from: { orphan: true },
      to: {},
    },
    {
      name: 'temporal-stays-outside',
      severity: 'error',
      comment: 'Reading and writing records do not depend on what runs them.',
      from: { path: '^(src/(auth0|airbyte|streams|config|staging|sinks|metrics)/|packages/)' },
      to: { path: '(^|/)@temporalio/' },
    },
    {
      name: 'only-auth0-sends-requests',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/auth0/' },
      to: { path: ['(^|/)node_modules/axios/', '(^|/)node_modules/undici/', '^(node:)?https$'] },
    },
    {
      name: 'only-commands-use-the-emulator',
      severity: 'error',
      comment: 'Only `rollcall demo` and `rollcall emulator` start it.',
      from: { path: '^src/', pathNot: '^src/commands/' },
      to: { path: '(^|/)(packages|node_modules)/auth0-emulator/' },
    },
    {
      name: 'emulator-shares-no-code',
      severity: 'error',
      comment: 'An error in one must not hide the same error in the other.',
      from: { path: '^packages/auth0-emulator/' },
      to: { path: '^src/' },
    },
    {
      name: 'only-outputs-write-messages',
      severity: 'error',
      comment:
        "Airbyte's messages are written by sinks and by its commands. The environment takes the names of log levels.",
      from: { path: '^src/', pathNot: '^src/((airbyte|sinks|commands|cli)/|config/environment[.]ts$)' },
      to: { path: '^src/airbyte/(messages|protocol-output)[.]ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'workflow-code-stays-pure',
      severity: 'error',
      comment:
        "Workflows run Temporal's workflow package and pure modules. Of all other modules they import types only.",
      from: { path: pureModules },
      to: {
        pathNot: [pureModules, '(^|/)@temporalio/(workflow|common)(/|$)'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflows-run-from-the-bundle',
      severity: 'error',
      comment: 'Other rooms use their names, contract and results, and otherwise types only.',
      from: { pathNot: '^src/workflows/' },
      to: {
        path: '^src/workflows/',
        pathNot: '^src/workflows/(contract|names|results)[.]ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      conditionNames: ['require', 'node', 'default', 'types'],
    },
  },
};
