/** Who may know whom; docs/architecture.md says why. Type-only imports count unless a rule leaves them out. */

/** Modules without state, clocks, zod or Node that workflow code may run. Workflows are replayed: all must be repeatable. */
const PURE =
  '^src/(errors|json|metrics/table|workflows/.+|airbyte/(state|cursor|shape|timestamp)|staging/segment|streams/(counts|span|task))[.]ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Modules that need each other are one module, or lack a third.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'Nothing imports it and it imports nothing.',
      from: { orphan: true, pathNot: '^src/temporal/failure-converter[.]ts$' },
      to: {},
    },
    {
      name: 'temporal-stays-outside',
      severity: 'error',
      comment: 'What is read and where it goes does not depend on what drives it.',
      from: { path: '^src/(auth0|airbyte|streams|config|staging|sinks|emulator|metrics|monitoring)/' },
      to: { path: ['^src/(temporal|workflows|activities)/', '(^|/)@temporalio/'] },
    },
    {
      name: 'auth0-knows-no-airbyte',
      severity: 'error',
      from: { path: '^src/auth0/' },
      to: { path: '^src/(airbyte|sinks|streams|staging|metrics)/' },
    },
    {
      name: 'airbyte-knows-no-auth0',
      severity: 'error',
      from: { path: '^src/airbyte/' },
      to: { path: '^src/(auth0|streams|emulator)/' },
    },
    {
      name: 'workflow-code-stays-pure',
      severity: 'error',
      comment: "Workflows run Temporal's workflow package and pure modules; of all else they know types only.",
      from: { path: PURE },
      to: { pathNot: [PURE, '(^|/)@temporalio/(workflow|common)(/|$)'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-modules-know-no-temporal',
      severity: 'error',
      from: { path: PURE, pathNot: '^src/workflows/' },
      to: { path: '(^|/)@temporalio/' },
    },
    {
      name: 'workflows-are-run-by-bundle',
      severity: 'error',
      comment: 'Outside the bundle a workflow is a type and a name; what crosses the border lives in the contract.',
      from: { pathNot: '^src/workflows/' },
      to: {
        path: '^src/workflows/',
        pathNot: '^src/workflows/(contract|names)[.]ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'emulator-and-client-share-nothing',
      severity: 'error',
      comment: 'A fault in one must not hide in the other.',
      from: { path: '^src/emulator/' },
      to: { path: '^src/', pathNot: ['^src/emulator/', '^src/json[.]ts$'] },
    },
    {
      name: 'emulator-is-not-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(emulator|commands)/' },
      to: { path: '^src/emulator/' },
    },
    {
      name: 'only-auth0-speaks-http',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/auth0/' },
      to: { path: '(^|/)node_modules/axios/' },
    },
    {
      name: 'only-sinks-and-airbyte-write-messages',
      severity: 'error',
      comment: 'Commands have Airbyte verbs to answer, and the environment takes the names of log levels from there.',
      from: { path: '^src/', pathNot: '^src/((airbyte|sinks|commands)/|config/environment[.]ts$)' },
      to: { path: '^src/airbyte/(messages|output)[.]ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'commands-are-on-top',
      severity: 'error',
      comment: 'Commands and the worker wire; nothing is built on them.',
      from: { path: '^src/', pathNot: '^src/(commands/|cli[.]ts$|worker[.]ts$)' },
      to: { path: '^src/(commands/|cli[.]ts$|worker[.]ts$)' },
    },
    {
      name: 'lower-rooms-know-no-activities',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(activities|commands|workflows)/|^src/worker[.]ts$' },
      to: { path: '^src/activities/' },
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
