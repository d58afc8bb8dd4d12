/** Something that the user configured cannot be used. Never holds a configured value: it may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** `message` is complete for a reader: what is wrong, where, and the next step. */
  constructor(
    what: string,
    /** Where: a path such as `credentials.client_secret`, a file, a flag or a variable; empty for the whole. */
    readonly where: string,
    /** What the user should do. */
    readonly nextStep: string,
    options?: ErrorOptions,
  ) {
    super(`${what}. ${nextStep}`, options);
  }
}
