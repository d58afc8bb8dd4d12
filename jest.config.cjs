const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
  ],
};

const project = (displayName, roots) => ({
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
});

/** @type {import('jest').Config} */
module.exports = {
  // On a busy machine a server's start alone can take seconds.
  testTimeout: 60_000,
  maxWorkers: 2,
  projects: [
    project('unit', ['test/unit', 'packages/auth0-emulator/test']),
    project('integration', ['test/integration']),
    project('e2e', ['test/e2e']),
    project('extended', ['test/extended']),
  ],
};
