/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test', '<rootDir>/packages/auth0-emulator/test'],
  moduleNameMapper: { '^auth0-emulator$': '<rootDir>/packages/auth0-emulator/src' },
  testMatch: ['**/*.test.ts'],
  // On a busy machine a server's start alone can take seconds.
  testTimeout: 60_000,
  // Much of the time is spent waiting: for timers, retries, other processes.
  maxWorkers: 2,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
};
