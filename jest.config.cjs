const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
  ],
};

/** Starts the servers that all suites of a run share. */
const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

const project = (displayName, roots, rest = {}) => ({
  displayName,
  roots: roots.map((root) => `<rootDir>/${root}`),
  testEnvironment: 'node',
  testMatch: ['**/*.test.ts'],
  moduleNameMapper: {
    '^auth0-emulator$': '<rootDir>/packages/auth0-emulator/src',
    // `import()` names the compiled file.
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform,
  ...rest,
});

/** Properties that are tried for longer, see test/support/simulation/deadline.ts. */
const longProperties = process.env.FC_SECONDS ? ['test/unit/property', 'test/integration/property'] : [];

/** @type {import('jest').Config} */
module.exports = {
  // On a busy machine a server's start alone can take seconds.
  testTimeout: 60_000,
  maxWorkers: 2,
  projects: [
    project('unit', ['test/unit', 'packages/auth0-emulator/test']),
    project('integration', ['test/integration'], servers),
    project('e2e', ['test/e2e'], servers),
    project('extended', ['test/extended', ...longProperties], servers),
  ],
};
