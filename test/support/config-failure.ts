import { ConfigError } from '../../src/errors';

/** The ConfigError that the action ends with; every one must say where and what to do. */
export async function failureOf(action: () => unknown): Promise<ConfigError> {
  const error: unknown = await Promise.resolve()
    .then(action)
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  expect(error).toBeInstanceOf(ConfigError);
  const failure = error as ConfigError;
  expect(failure.message.endsWith(failure.nextStep)).toBe(true);
  expect(failure.nextStep).not.toBe('');
  return failure;
}
